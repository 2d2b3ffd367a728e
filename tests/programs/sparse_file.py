# trick: files with huge holes
# section: Resources
# abuse: disk: sparse files
# verdict: ACCEPTED
# limits: disk_bytes=8388608 memory_bytes=67108864
# expect stdout: 'refused\n'

import errno
import os

fd = os.open("/work/sparse", os.O_CREAT | os.O_RDWR)
for size in (1 << 24, 1 << 40, 1 << 62):
    try:
        os.ftruncate(fd, size)
    except OSError as error:
        assert error.errno in (errno.EFBIG, errno.ENOSPC), error
    else:
        raise SystemExit(f"a file of {size} bytes was allowed")
os.ftruncate(fd, 1 << 20)
os.pwrite(fd, b"x", (1 << 20) - 1)
print("refused")
