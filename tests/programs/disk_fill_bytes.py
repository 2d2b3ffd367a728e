# trick: fills every writable directory; together they may hold disk_bytes
# section: Resources
# abuse: disk: bytes
# verdict: ACCEPTED
# limits: disk_bytes=8388608 memory_bytes=134217728
# expect stdout: 'full\n'

import errno

DISK_BYTES = 8 << 20
written = 0
for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home"):
    with open(f"{place}/fill", "wb", buffering=0) as file:
        while True:
            try:
                written += file.write(b"x" * 4096)
            except OSError as error:
                assert error.errno in (errno.ENOSPC, errno.EFBIG), error
                break
# What the sandbox itself keeps there comes on top.
assert DISK_BYTES * 0.9 <= written <= DISK_BYTES + 65536, written
print("full")
