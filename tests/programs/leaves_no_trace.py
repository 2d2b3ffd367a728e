# trick: makes and deletes a thousand files, so that the directories look new but the inode numbers have gone on
# section: Files
# verdict: ACCEPTED
# limits: disk_bytes=67108864
# expect stdout: 'clean\n'

import contextlib
import os

for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home"):
    before = os.stat(place)
    for number in range(170):
        with open(f"{place}/{number}", "w") as file:
            file.write("x")
        os.unlink(f"{place}/{number}")
    with contextlib.suppress(OSError):
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
print("clean")
