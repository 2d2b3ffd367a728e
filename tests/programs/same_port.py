# trick: none: every sandbox may have port 8080 and the same abstract name at the same time
# section: Network
# abuse: one port in two sandboxes at once
# verdict: ACCEPTED
# expect stdout: 'mine\n'

import os
import socket
import time

held = [
    socket.create_server(("127.0.0.1", 8080)),
    socket.create_server(("::1", 8080), family=socket.AF_INET6),
]
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", 8080))
named = socket.socket(socket.AF_UNIX)
named.bind("\0assay-test-name")
named.listen()
time.sleep(0.1)
if os.fork() == 0:
    time.sleep(1000)
print("mine")
