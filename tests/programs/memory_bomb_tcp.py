# trick: memory in the buffers of TCP connections to itself, which cgroups count only where they are told to
# section: Resources
# verdict: ACCEPTED
# cgroup2: MEMORY_LIMIT
# limits: memory_bytes=67108864 open_files=1024
# expect stdout: 'held within the limit\n'

import socket

LIMIT_BYTES = 64 << 20
block = b"x" * 65536
server = socket.create_server(("127.0.0.1", 0))
kept, held = [], 0
try:
    for _ in range(200):
        client = socket.socket()
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        kept += [client, accepted]
        for end in (client, accepted):
            end.setblocking(False)
            try:
                while held <= 4 * LIMIT_BYTES:
                    held += end.send(block)
            except BlockingIOError:
                pass
except OSError:
    pass
assert held <= 1.5 * LIMIT_BYTES, f"{held} bytes are held at a limit of {LIMIT_BYTES}"
print("held within the limit")
