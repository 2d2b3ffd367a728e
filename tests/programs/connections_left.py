# trick: leaves connections in every state, datagrams unread and TIME_WAIT behind
# section: Network
# verdict: ACCEPTED
# expect stdout: 'left\n'

import os
import socket

kept = []
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    server = socket.create_server((address, 9000), family=family)
    for _ in range(5):
        client = socket.create_connection((address, 9000))
        accepted, _ = server.accept()
        accepted.close()  # the server's side closes first: TIME_WAIT on its port
        client.close()
    kept.append(socket.create_connection((address, 9000)))
    kept[-1].send(b"unread")
    unread = socket.socket(family, socket.SOCK_DGRAM)
    unread.bind((address, 9001))
    unread.sendto(b"unread", (address, 9001))
    kept += [server, unread]
print("left", flush=True)
os._exit(0)
