# trick: memory that belongs to no process: a memfd that grows without end
# section: Resources
# abuse: memory: memfds
# verdict: MEMORY_LIMIT
# limits: memory_bytes=67108864
# outcome: signal=9 oom_kills>=1

import os

block = b"x" * 1_000_000
held = []
while True:
    # Several, because one file may not outgrow RLIMIT_FSIZE.
    fd = os.memfd_create("bomb")
    held.append(fd)
    for _ in range(8):
        os.write(fd, block)
