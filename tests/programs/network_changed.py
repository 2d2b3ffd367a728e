# trick: changes addresses, routes and interfaces by netlink and ioctl
# section: Network
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import fcntl
import socket
import struct

control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
down = struct.pack("16sh14x", b"lo", 0)
for request in (0x8914, 0x8916, 0x8922, 0x8923):  # SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFMTU, SIOCSIFNAME
    try:
        fcntl.ioctl(control, request, down)
    except OSError:
        continue
    raise SystemExit(f"ioctl {request:#x} was allowed")
try:
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
except OSError:
    pass
else:
    # RTM_NEWLINK: a dummy interface; RTM_NEWADDR: 10.1.1.1/8 on lo. The answer holds a negative errno.
    link = struct.pack("BxHiII", 0, 0, 0, 1, 0xFFFFFFFF) + struct.pack("HH8s", 12, 3, b"dummy0")
    address = struct.pack("BBBBI", 2, 8, 0, 0, 1) + struct.pack("HH4s", 8, 2, bytes([10, 1, 1, 1]))
    for kind, body in ((16, link), (20, address)):
        netlink.send(struct.pack("IHHII", 16 + len(body), kind, 0x605, 1, 0) + body)
        answer = netlink.recv(4096)
        code, error = struct.unpack("H", answer[4:6])[0], struct.unpack("i", answer[16:20])[0]
        assert code == 2 and error < 0, f"netlink {kind} answered {code} {error}"
for option in (socket.SO_MARK, 32, 33):  # SO_SNDBUFFORCE, SO_RCVBUFFORCE
    try:
        control.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
    except OSError:
        continue
    raise SystemExit(f"socket option {option} was allowed")
print("refused")
