# trick: pipes as large as they may be, and inotify and epoll instances, all counted per user, kept in flight between sockets
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'sent\n'

import array
import contextlib
import ctypes
import fcntl
import os
import select
import socket

libc = ctypes.CDLL(None, use_errno=True)
held = []
with contextlib.suppress(OSError):
    for _ in range(80):
        pipe = os.pipe()
        held += pipe
        fcntl.fcntl(pipe[1], 1031, 1 << 20)  # F_SETPIPE_SZ
watching = select.epoll()
for number, fd in enumerate(held):
    watching.register(fd, number)
held.append(watching.fileno())
while len(held) < 240 and (fd := libc.inotify_init1(0)) >= 0:
    libc.inotify_add_watch(fd, b"/tmp", 0xFFF)
    held.append(fd)
a, b = socket.socketpair()
for end in (a, b):
    cargo = array.array("i", [a.fileno(), b.fileno(), *held[:200]])
    end.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, cargo)])
print("sent")
