# trick: abstract names of every kind of unix socket, held by an orphan
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'named\n'

import os
import socket
import time

held = []
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    for name in ("\0assay-test-name", "\0", "\0" + "n" * 107, ""):
        held.append(socket.socket(socket.AF_UNIX, kind))
        try:
            held[-1].bind(name)  # an empty name takes the next free number
        except OSError as error:
            raise SystemExit(f"{name!r}: {error}") from None
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
print("named")
