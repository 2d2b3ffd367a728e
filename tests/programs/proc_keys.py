# trick: reads whose keys the kernel holds, and what they are called
# section: Kernel surface
# abuse: /proc/keys
# verdict: ACCEPTED
# expect stdout: 'none of others\n'

import os

for line in open("/proc/keys") if os.path.exists("/proc/keys") else ():
    owner = line.split()[5]
    assert owner == str(os.getuid()), line
for name in ("key-users",):
    if os.path.exists(f"/proc/{name}"):
        for line in open(f"/proc/{name}"):
            assert int(line.split(":")[0]) in (os.getuid(), 0, 65534), line
print("none of others")
