# trick: every way to set the times of directories that it does not own, after using them and without
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'as far as it goes\n'

import ctypes
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2
PLACES = ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt", "/", "/dev", "/program", "/etc", "/usr")
for place in PLACES:
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    for access in (UTIME_NOW, UTIME_OMIT, 0, 1):
        for change in (1, 0, UTIME_OMIT):
            times = struct.pack("qqqq", 0, access, 0, change)
            for path, flags in ((place.encode(), 0), (place.encode(), 0x100)):
                libc.utimensat(-100, path, times, flags)
            libc.syscall(280, fd, None, times, 0)  # utimensat on the descriptor itself
    libc.syscall(132, place.encode(), struct.pack("qq", 0, 0))  # utime
    libc.syscall(235, place.encode(), struct.pack("qqqq", 0, 0, 0, 0))  # utimes
    os.listdir(place)
    os.close(fd)
for place in PLACES[:6]:
    os.unlink(os.open(f"{place}/x", os.O_CREAT | os.O_WRONLY) and f"{place}/x")
    for times in (struct.pack("qqqq", 0, 1, 0, 1), struct.pack("qqqq", 0, UTIME_OMIT, 0, 1)):
        libc.utimensat(-100, place.encode(), times, 0)
print("as far as it goes")
