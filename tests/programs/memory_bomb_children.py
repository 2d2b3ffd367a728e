# trick: ten children take a tenth of too much each; the parent fails if one is killed
# section: Resources
# abuse: memory: spread over child processes
# verdict: MEMORY_LIMIT
# limits: memory_bytes=67108864
# outcome: oom_kills>=1

import os
import sys
import time

for _ in range(10):
    if os.fork() == 0:
        block = bytearray(b"x" * 12_000_000)
        time.sleep(30)
        os._exit(0)
while True:
    _, status = os.wait()
    if status:
        sys.exit(1)
