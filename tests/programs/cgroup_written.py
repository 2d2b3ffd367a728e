# trick: writes to control group files wherever they may be, to raise its limits, to leave its group, to freeze others
# section: Kernel surface
# abuse: control group written
# verdict: ACCEPTED
# expect stdout: 'nothing\n'

import itertools
import os

PLACES = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/cgroup", "/dev/cgroup", "/proc/1/root/sys/fs/cgroup", "/run/cgroup")
GROUPS = ("", "memory", "pids", "cpu", "cpu,cpuacct", "freezer", "devices", "..", "assay")
FILES = (
    "cgroup.procs", "tasks", "cgroup.subtree_control", "release_agent", "memory.limit_in_bytes", "memory.max", "pids.max",
    "cpu.max", "cpu.cfs_quota_us", "cgroup.kill", "cgroup.freeze", "devices.allow",
)
for path in map("/".join, itertools.product(PLACES, GROUPS, FILES)):
    try:
        os.write(os.open(path, os.O_WRONLY), b"-1")
    except OSError:
        continue
    raise SystemExit(f"{path} could be written")
for place in (*PLACES, "/tmp"):
    try:
        os.mkdir(f"{place}/group")
    except OSError:
        continue
    assert place == "/tmp" and not os.listdir("/tmp/group"), place
print("nothing")
