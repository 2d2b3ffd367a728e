# trick: the root, the directory and the files of pid 1
# section: Kernel surface
# abuse: /proc/1/root
# verdict: ACCEPTED
# expect stdout: 'nothing\n'

import os

READ = ["/proc/1/root/etc/passwd", "/proc/1/cwd/etc/passwd", "/proc/1/exe", "/proc/1/fd/0", "/proc/1/maps", "/proc/1/task/1/root/etc/passwd"]
WRITE = ["/proc/1/root/tmp/x", "/proc/1/mem", "/proc/1/oom_score_adj"]
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
