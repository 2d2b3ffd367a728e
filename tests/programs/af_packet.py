# trick: reads every packet of the machine
# section: Kernel surface
# abuse: AF_PACKET
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import socket

FAMILY = 17
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
