# trick: reserves far more than the disk without writing a byte
# section: Resources
# abuse: disk: fallocate
# verdict: ACCEPTED
# limits: disk_bytes=8388608 memory_bytes=67108864
# expect stdout: 'refused\n'

import errno
import os

for size in (1 << 24, 1 << 30, 1 << 40, (1 << 63) - 1):
    for place in ("/work", "/tmp", "/dev/shm"):
        fd = os.open(f"{place}/reserved", os.O_CREAT | os.O_RDWR)
        try:
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            assert error.errno in (errno.ENOSPC, errno.EFBIG, errno.EINVAL), error
        else:
            raise SystemExit(f"{size} bytes were given in {place}")
        os.close(fd)
print("refused")
