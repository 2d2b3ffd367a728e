# trick: names of every kind, by the library, by its own packets, over UDP and TCP, and data hidden in names
# section: Network
# abuse: names asked of DNS
# verdict: ACCEPTED
# expect stdout: 'no answer\n'
# outcome: wall_seconds<=5

import contextlib
import socket

for name in ("example.com", "secret.data.example.com", "metadata.google.internal", "host.docker.internal", "kubernetes.default"):
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC):
        with contextlib.suppress(socket.gaierror):
            raise SystemExit(f"{name} is {socket.getaddrinfo(name, 53, family)}")
with contextlib.suppress(OSError):
    raise SystemExit(f"1.1.1.1 is {socket.gethostbyaddr('1.1.1.1')}")
question = bytes.fromhex("abcd01000001000000000000076578616d706c6503636f6d0000010001")
for server in ("127.0.0.1", "127.0.0.53", "127.0.0.11", "10.96.0.10", "169.254.169.253", "8.8.8.8"):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as reach, contextlib.suppress(OSError):
            reach.settimeout(0.05)
            reach.connect((server, 53))
            reach.send(question)
            raise SystemExit(f"{server} answered {reach.recv(512)!r}")
print("no answer")
