# trick: abstract names of services that run on most machines, which no file permission guards
# section: Kernel surface
# abuse: abstract Unix sockets
# verdict: ACCEPTED
# expect stdout: 'nobody\n'

import socket

with open("/proc/net/unix") as file:
    seen = [line.split()[-1] for line in file.readlines()[1:] if "@" in line]
assert not seen, seen
NAMES = (
    "assay-host-service", "/tmp/.X11-unix/X0", "/tmp/dbus-test", "/containerd-shim/x.sock", "/org/kernel/udev/udevd",
    "/tmp/.ICE-unix/1", "ISCSIADM_ABSTRACT_NAMESPACE", "snapd", "",
)
for name in NAMES:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as reach:
            if reach.connect_ex("\0" + name) == 0:
                raise SystemExit(f"{name} was reached")
print("nobody")
