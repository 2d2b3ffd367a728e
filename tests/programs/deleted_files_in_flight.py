# trick: files that are deleted but open, their descriptors in flight between sockets, so that names, times and processes are gone
# section: Proofs
# verdict: ACCEPTED
# limits: disk_bytes=8388608 memory_bytes=134217728
# expect stdout: 'sent\n'

import array
import os
import socket

held = []
for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt"):
    fd = os.open(f"{place}/deleted", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"x" * 100_000)
    os.unlink(f"{place}/deleted")
    held.append(fd)
a, b = socket.socketpair()
for end in (a, b):
    end.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [*held, a.fileno(), b.fileno()]))])
print("sent")
