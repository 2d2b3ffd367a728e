# trick: looks for its control group, to leave it or to raise its limits
# section: Kernel surface
# abuse: control group written
# verdict: ACCEPTED
# expect stdout: 'out of sight\n'

import os

for place, _, names in os.walk("/sys"):
    found = [name for name in names if name.startswith(("cgroup.", "memory.", "pids.", "cpu."))]
    assert not found, (place, found)
with open("/proc/self/mountinfo") as file:
    assert " - cgroup" not in file.read(), "a cgroup file system is mounted"
with open("/proc/self/cgroup") as file:
    for line in file:
        assert "assay" not in line, line
print("out of sight")
