# trick: sockets of every family, type and protocol that the kernel may know
# section: Kernel surface
# abuse: AF_VSOCK
# abuse: AF_PACKET
# abuse: AF_ALG
# verdict: ACCEPTED
# expect stdout: 'only unix, inet, inet6 and netlink-route\n'

import socket

AF_INET, AF_INET6 = int(socket.AF_INET), int(socket.AF_INET6)
for family in range(48):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_RDM, socket.SOCK_SEQPACKET, 10):
        for protocol in (0, 1, 2, 6, 9, 15, 17, 33, 58, 132, 136, 255, 256, 262, 768):
            try:
                socket.socket(family, kind, protocol).close()
            except OSError:
                continue
            if family == socket.AF_UNIX and protocol in (0, 1):
                continue
            if family in (AF_INET, AF_INET6) and (int(kind), protocol) in ((1, 0), (1, 6), (2, 0), (2, 17)):
                continue
            if family == socket.AF_NETLINK and protocol == 0:
                continue
            raise SystemExit(f"socket({family}, {int(kind)}, {protocol}) was allowed")
for family in (38, 17, 40):  # AF_ALG, AF_PACKET, AF_VSOCK
    try:
        socket.socketpair(family, socket.SOCK_STREAM)
    except OSError:
        continue
    raise SystemExit(f"socketpair({family}) was allowed")
print("only unix, inet, inet6 and netlink-route")
