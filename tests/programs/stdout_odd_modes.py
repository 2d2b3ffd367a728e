# trick: shrinks its output pipe, makes it non-blocking and packet-wise, asks for signals about it
# section: Resources
# verdict: ACCEPTED
# expect stdout: b'abc\ndef\nend\n'

import contextlib
import fcntl
import os
import select
import signal

signal.signal(signal.SIGIO, signal.SIG_IGN)
for request, value in ((1031, 4096), (fcntl.F_SETOWN, os.getpid()), (10, signal.SIGIO), (1024, 1)):
    with contextlib.suppress(OSError):
        fcntl.fcntl(1, request, value)
fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK | os.O_DIRECT | os.O_ASYNC | os.O_APPEND)
for packet in (b"abc\n", b"def\n", b"end\n"):
    select.select([], [1], [])
    os.write(1, packet)
