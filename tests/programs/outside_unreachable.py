# trick: reaches for the world: addresses, metadata services, names
# section: Network
# abuse: anything outside
# verdict: ACCEPTED
# expect stdout: 'lo only\n'

import socket

TARGETS = (
    (socket.AF_INET, "1.1.1.1"), (socket.AF_INET, "8.8.8.8"), (socket.AF_INET, "169.254.169.254"),
    (socket.AF_INET, "10.0.0.1"), (socket.AF_INET, "172.17.0.1"), (socket.AF_INET, "192.168.0.1"),
    (socket.AF_INET, "255.255.255.255"), (socket.AF_INET, "224.0.0.1"), (socket.AF_INET6, "2606:4700:4700::1111"),
    (socket.AF_INET6, "fe80::1"), (socket.AF_INET6, "ff02::1"),
)
for family, address in TARGETS:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        reach = socket.socket(family, kind)
        reach.settimeout(2)
        try:
            reach.connect((address, 53))
            reach.send(b"x")
        except TimeoutError:
            raise SystemExit(f"{address} did not refuse at once") from None
        except OSError:
            continue
        raise SystemExit(f"{address} was reached")
try:
    socket.getaddrinfo("example.com", 80)
except socket.gaierror:
    pass
else:
    raise SystemExit("a name was resolved")
assert [name for _, name in socket.if_nameindex()] == ["lo"], socket.if_nameindex()
print("lo only")
