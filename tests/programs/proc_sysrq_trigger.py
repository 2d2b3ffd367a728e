# trick: reboots, kills and unmounts by one letter
# section: Kernel surface
# abuse: /proc/sysrq-trigger
# verdict: ACCEPTED
# expect stdout: 'nothing\n'

import os

READ = []
WRITE = ["/proc/sysrq-trigger", "/proc/sys/kernel/sysrq"]
for path in READ:
    try:
        fd = os.open(path, os.O_RDONLY)
        content = os.read(fd, 4096)
    except OSError:
        continue
    raise SystemExit(f"{path} could be read: {content[:200]!r}")
for path in WRITE:
    for how in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND):
        try:
            fd = os.open(path, how)
            os.write(fd, b"1")
        except OSError:
            continue
        raise SystemExit(f"{path} could be written")
print("nothing")
