# trick: fills the writable directories first, then takes anonymous memory until killed: both are one account
# section: Resources
# abuse: memory: files on tmpfs
# verdict: MEMORY_LIMIT
# limits: memory_bytes=67108864 disk_bytes=33554432
# outcome: signal=9 oom_kills>=1

import contextlib

block = b"x" * 65536
for place in ("/dev/shm/fill", "/tmp/fill", "/work/fill"):
    with contextlib.suppress(OSError), open(place, "wb", buffering=0) as file:
        while True:
            file.write(block)
kept = []
while True:
    kept.append(bytearray(b"y" * 1_000_000))
