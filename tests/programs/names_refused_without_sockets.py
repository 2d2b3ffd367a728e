# trick: creations that the kernel refuses late, in a directory that nothing else has touched: no time may change, no number
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import contextlib
import ctypes
import os
import stat

libc = ctypes.CDLL(None, use_errno=True)
for place in ("/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt"):
    for attempt in (
        lambda path: os.symlink("y" * 4096, path),
        lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3)),
        lambda path: os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 0)),
        lambda path: os.mkdir("n" * 256, dir_fd=os.open(os.path.dirname(path), os.O_RDONLY)),
        lambda path: os.link("/usr/bin/env", path),
        lambda path: os.rename("/etc/passwd", path),
        lambda path: os.open(path, os.O_CREAT | os.O_DIRECTORY | os.O_WRONLY),
        lambda path: os.open(path, os.O_CREAT | os.O_DIRECT | os.O_PATH | 0o3),
    ):
        for number in range(10):
            with contextlib.suppress(OSError):
                attempt(f"{place}/{number}")
print("refused")
