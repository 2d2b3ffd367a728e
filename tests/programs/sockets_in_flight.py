# trick: listening sockets, connections and names kept alive in flight between sockets that nobody can read any more
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'sent\n'

import array
import socket

held = [
    socket.create_server(("127.0.0.1", 8080)),
    socket.create_server(("::1", 8081), family=socket.AF_INET6),
    socket.create_connection(("127.0.0.1", 8080)),
]
for kind, name in ((socket.SOCK_STREAM, "\0assay-test-name"), (socket.SOCK_DGRAM, "/tmp/socket")):
    held.append(socket.socket(socket.AF_UNIX, kind))
    held[-1].bind(name)
held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
held[-1].bind(("0.0.0.0", 9001))
held[-1].sendto(b"unread", ("127.0.0.1", 9001))
# A longer cycle: each end's queue holds the next pair.
pairs = [socket.socketpair() for _ in range(8)]
for (a, b), (c, d) in zip(pairs, pairs[1:] + pairs[:1], strict=True):
    for end in (a, b):
        cargo = array.array("i", [c.fileno(), d.fileno(), *[each.fileno() for each in held]])
        end.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, cargo)])
print("sent")
