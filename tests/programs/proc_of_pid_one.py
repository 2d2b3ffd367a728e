# trick: reads what /proc tells about pid 1 and about its parent
# section: Kernel surface
# abuse: /proc/1/root
# abuse: /proc of its parent
# verdict: ACCEPTED
# expect stdout: 'nothing\n'

import os

ENTRIES = (
    "root", "cwd", "exe", "environ", "cmdline", "fd", "fdinfo", "mem", "maps", "mountinfo", "ns/pid", "ns/user", "stack",
    "auxv", "io", "syscall", "map_files", "pagemap", "task/1/fd", "oom_score_adj", "uid_map",
)
pids = {1, os.getppid()} - {0}
assert os.getpid() not in pids
for pid in pids:
    for name in ENTRIES:
        path = f"/proc/{pid}/{name}"
        for look in (os.listdir, os.readlink, lambda path=path: open(path, "rb").read(1)):
            try:
                look(path)
            except OSError:
                continue
            raise SystemExit(f"{path} could be read")
visible = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
assert visible == [os.getpid()], visible
print("nothing")
