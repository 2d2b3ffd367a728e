# trick: leaves files, links, pipes and sockets in every writable directory, with times of its own
# section: Files
# abuse: left for the next run: /tmp
# abuse: left for the next run: /dev/shm
# abuse: left for the next run: /var/tmp
# abuse: left for the next run: /run/lock
# verdict: ACCEPTED
# expect stdout: 'left\n'

import contextlib
import os
import socket

for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home"):
    os.makedirs(f"{place}/lock/deep", exist_ok=True)
    with open(f"{place}/lock/deep/file", "w") as file:
        file.write("for the next run")
    os.symlink("/etc/passwd", f"{place}/link")
    os.link(f"{place}/lock/deep/file", f"{place}/hard")
    os.mkfifo(f"{place}/pipe")
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(f"{place}/socket")
    os.utime(f"{place}/lock/deep/file", (1, 1))
    with contextlib.suppress(OSError):
        os.setxattr(f"{place}/lock/deep/file", "user.note", b"for the next run")
    # The marks that a supervisor may look at.
    with contextlib.suppress(OSError):
        os.utime(place, ns=(1, 1))
    with contextlib.suppress(OSError):
        os.setxattr(place, "user.note", b"for the next run")
print("left")
