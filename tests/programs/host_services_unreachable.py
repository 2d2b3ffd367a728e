# trick: reaches for the host's own services on loopback and by abstract names
# section: Network
# abuse: services of the machine on 127.0.0.1
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import socket

# The test listens on these outside.
for family, address in ((socket.AF_INET, ("127.0.0.1", 17391)), (socket.AF_INET6, ("::1", 17391)),
                        (socket.AF_INET, ("0.0.0.0", 17391)), (socket.AF_UNIX, "\0assay-host-service")):
    reach = socket.socket(family)
    reach.settimeout(2)
    try:
        reach.connect(address)
    except ConnectionRefusedError:
        continue
    raise SystemExit(f"{address!r} was reached")
for port in (22, 53, 80, 443, 2375, 5000, 6379, 8000, 8080, 8265, 8888, 9090):
    reach = socket.socket()
    reach.settimeout(2)
    assert reach.connect_ex(("127.0.0.1", port)) == 111, f"port {port} did not refuse"
print("refused")
