# trick: memory in datagrams that nobody reads, on very many sockets
# section: Resources
# verdict: ACCEPTED
# cgroup2: MEMORY_LIMIT
# limits: memory_bytes=67108864 open_files=1024
# expect stdout: 'held within the limit\n'

import contextlib
import socket

LIMIT_BYTES = 64 << 20
block = b"x" * 32768
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setblocking(False)
kept = []
for _ in range(400):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    receiver.setblocking(False)
    kept.append(receiver)
    with contextlib.suppress(OSError):
        for _ in range(16):
            sender.sendto(block, receiver.getsockname())
held = 0
for receiver in kept:
    with contextlib.suppress(BlockingIOError):
        while True:
            held += len(receiver.recv(65536))
assert held <= 1.5 * LIMIT_BYTES, f"{held} bytes were held at a limit of {LIMIT_BYTES}"
print("held within the limit")
