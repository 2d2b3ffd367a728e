# trick: memory in the buffers of unix sockets
# section: Resources
# verdict: MEMORY_LIMIT
# limits: memory_bytes=33554432 open_files=1024
# outcome: signal=9 oom_kills>=1

import contextlib
import socket

block = b"x" * 65536
held = []
while True:
    held.append(socket.socketpair())
    for end in held[-1]:
        end.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                end.send(block)
