# trick: memory in pipe buffers
# section: Resources
# abuse: memory: full pipes
# verdict: MEMORY_LIMIT
# limits: memory_bytes=33554432
# outcome: signal=9 oom_kills>=1

import contextlib
import fcntl
import os

block = b"x" * 65536
held = []
while True:
    held.append(os.pipe())
    writer = held[-1][1]
    with contextlib.suppress(OSError):
        fcntl.fcntl(writer, 1031, 1 << 20)  # F_SETPIPE_SZ
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, block)
