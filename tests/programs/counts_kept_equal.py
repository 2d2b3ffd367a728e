# trick: creates and deletes so that every count is as before: files, directories, links, sizes, and the times set back
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'equal\n'

import contextlib
import os
import socket

for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home"):
    before, room = os.stat(place), os.statvfs(place)
    for number in range(3):
        os.mkdir(f"{place}/directory")
        with open(f"{place}/directory/file", "w") as file:
            file.write("x" * 5000)
        os.link(f"{place}/directory/file", f"{place}/link")
        os.rename(f"{place}/link", f"{place}/renamed")
        os.symlink("renamed", f"{place}/symbolic")
        os.mkfifo(f"{place}/pipe")
        socket.socket(socket.AF_UNIX).bind(f"{place}/socket")
        for name in ("renamed", "symbolic", "pipe", "socket", "directory/file"):
            os.unlink(f"{place}/{name}")
        os.rmdir(f"{place}/directory")
    for times in ((1, 1), (0, 1), (before.st_atime_ns, before.st_mtime_ns)):
        with contextlib.suppress(OSError):
            os.utime(place, ns=times)
    after = os.statvfs(place)
    assert (room.f_bfree, room.f_ffree) == (after.f_bfree, after.f_ffree), place
print("equal")
