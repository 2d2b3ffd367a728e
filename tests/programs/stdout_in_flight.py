# trick: sends its stdout into a cycle of sockets, where it stays open after the end
# section: Resources
# verdict: ACCEPTED
# expect stdout: 'sent\n'
# outcome: exit_code=0 wall_seconds<=5

import array
import socket

a, b = socket.socketpair()
cargo = array.array("i", [1, 2, a.fileno(), b.fileno()])
a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, cargo)])
b.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, cargo)])
print("sent")
