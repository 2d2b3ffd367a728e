# trick: locks held by descriptors that are in flight between sockets nobody can read any more, with every process dead
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'sent\n'

import array
import fcntl
import os
import socket
import struct

PLACES = (
    "/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/", "/dev", "/etc", "/proc", "/usr", "/dev/null",
    "/usr/bin/env", "/usr/bin/python3", "/etc/passwd",
)
F_OFD_SETLK = 37
held = []
for path in PLACES:
    held.append(os.open(path, os.O_RDONLY))
    fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.fcntl(held[-1], F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))
a, b = socket.socketpair()
for end in (a, b):
    end.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [*held, a.fileno(), b.fileno()]))])
print("sent")
