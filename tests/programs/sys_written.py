# trick: writes wherever /sys has something to write
# section: Kernel surface
# abuse: /sys written
# verdict: ACCEPTED
# expect stdout: 'nothing\n'

import os

READ = []
WRITE = [*[f"{place}/{name}" for place, _, names in os.walk("/sys") for name in names], "/sys/power/state", "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/module/kernel/parameters/panic"]
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
