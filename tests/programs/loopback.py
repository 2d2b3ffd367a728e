# trick: none: a server and a client of its own over IPv4 and IPv6
# section: Network
# abuse: loopback, which works
# verdict: ACCEPTED
# expect stdout: 'ping ping\n'

import os
import socket

heard = []
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    server = socket.create_server((address, 0), family=family)
    if os.fork() == 0:
        client = socket.create_connection(server.getsockname()[:2], timeout=5)
        client.sendall(b"ping")
        os._exit(0)
    accepted, _ = server.accept()
    heard.append(accepted.recv(4).decode())
    accepted.close()
    server.close()
    os.wait()
print(*heard)
