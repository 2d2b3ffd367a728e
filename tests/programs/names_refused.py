# trick: calls that fail after the kernel has taken an inode for them: too long, too many, too large, in the wrong place
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import contextlib
import os
import socket

for place in ("/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt", "/work", "/", "/etc", "/usr", "/proc", "/dev"):
    for name in ("n" * 256, "no/such", "", ".", "..", "x/"):
        for make in (
            lambda path: os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)),
            os.mkfifo,
            lambda path: os.symlink("y" * 4096, path),
            lambda path: os.symlink("y" * 4095, path + "/z"),
            lambda path: socket.socket(socket.AF_UNIX).bind(path),
            lambda path: os.link("/etc/passwd", path),
            lambda path: os.mkdir(path),
            lambda path: os.rename(path, path),
        ):
            with contextlib.suppress(OSError):
                make(f"{place}/{name}")
print("refused")
