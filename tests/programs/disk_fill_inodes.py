# trick: empty files until no inode is left
# section: Resources
# abuse: disk: inodes
# verdict: ACCEPTED
# limits: disk_bytes=8388608 memory_bytes=134217728
# expect stdout: 'full\n'

import errno
import os

INODES = (8 << 20) // 4096
# What the root keeps for its own directories, links and mount points: ROOT_INODES of rootfs/mod.rs.
SPARE = 256
made = 0
for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home"):
    try:
        while made <= INODES + SPARE:
            os.close(os.open(f"{place}/{made}", os.O_CREAT | os.O_WRONLY | os.O_EXCL))
            made += 1
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
# The directories and the source need some too.
assert INODES * 0.9 <= made <= INODES + SPARE, made
print("full")
