# trick: files that never have a name, which change no directory's time but use up inode numbers
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'nameless\n'

import contextlib
import ctypes
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)
for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt"):
    for _ in range(20):
        with contextlib.suppress(OSError):
            fd = os.open(place, os.O_TMPFILE | os.O_RDWR, 0o600)
            os.write(fd, b"x")
            os.close(fd)
        # The same with its flags where no filter can look at them.
        how = struct.pack("QQQ", os.O_TMPFILE | os.O_RDWR, 0o600, 0)
        fd = libc.syscall(437, -100, place.encode(), how, len(how))  # openat2
        if fd >= 0:
            os.close(fd)
print("nameless")
