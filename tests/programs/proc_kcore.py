# trick: the memory of the kernel
# section: Kernel surface
# abuse: /proc/kcore
# verdict: ACCEPTED
# expect stdout: 'nothing\n'

import os

READ = ["/proc/kcore", "/proc/kpagecount", "/proc/kpageflags", "/dev/mem", "/dev/kmem", "/dev/port", "/proc/kmsg"]
WRITE = ["/proc/kcore", "/dev/mem", "/dev/kmem"]
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
