# trick: hundreds of connections closed by both sides, whose addresses stay taken for a minute
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'closed\n'

import socket

server = socket.create_server(("127.0.0.1", 8080), backlog=200)
for _ in range(300):
    client = socket.create_connection(("127.0.0.1", 8080))
    accepted, _ = server.accept()
    accepted.close()
    client.close()
print("closed")
