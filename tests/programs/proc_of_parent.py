# trick: reads the environment, arguments, descriptors and memory of its parent
# section: Kernel surface
# abuse: /proc of its parent
# verdict: ACCEPTED
# expect stdout: 'nothing\n'

import os

parents = {1, os.getppid(), os.getpgid(0), os.getsid(0)} - {0, os.getpid()}
for parent in parents:
    for name in ("environ", "cmdline", "fd", "mem", "fd/0", "fdinfo/0", "status", "stat", "comm"):
        for look in (lambda path: os.read(os.open(path, os.O_RDONLY), 64), os.listdir, os.readlink):
            try:
                content = look(f"/proc/{parent}/{name}")
            except OSError:
                continue
            raise SystemExit(f"/proc/{parent}/{name}: {content!r}")
print("nothing")
