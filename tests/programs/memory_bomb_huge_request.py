# trick: asks for 1 TiB at once and touches what it gets
# section: Resources
# verdict: MEMORY_LIMIT
# limits: memory_bytes=67108864
# outcome: signal=9 oom_kills>=1

import mmap

SIZE = 1 << 40
try:
    block = mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
except (OSError, ValueError):
    block = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    SIZE = 1 << 30
for offset in range(0, SIZE, 4096):
    block[offset] = 1
