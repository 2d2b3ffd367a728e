# trick: memfds sent into a cycle of sockets that nobody can read any more outlive the program
# section: Resources
# verdict: ACCEPTED
# limits: memory_bytes=67108864
# expect stdout: 'sent\n'
# outcome: exit_code=0 wall_seconds<=5

import array
import os
import socket

a, b = socket.socketpair()
fd = os.memfd_create("kept")
for _ in range(16):
    os.write(fd, b"x" * 1_000_000)
cargo = array.array("i", [fd, a.fileno(), b.fileno()])
a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, cargo)])
b.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, cargo)])
print("sent")
