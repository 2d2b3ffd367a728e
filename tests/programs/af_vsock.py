# trick: talks to the hypervisor's other side, which no network namespace cuts off
# section: Kernel surface
# abuse: AF_VSOCK
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import socket

FAMILY = 40
for kind in (1, 2, 3, 4, 5, 10):
    for flags in (0, socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC):
        for protocol in (0, 1, 3, 0x300, 255):
            for make in (socket.socket, socket.socketpair):
                try:
                    make(FAMILY, kind | flags, protocol)
                except OSError:
                    continue
                raise SystemExit(f"{make.__name__}({FAMILY}, {kind}, {protocol}) was allowed")
print("refused")
