# trick: a child is killed at the memory limit, the parent goes on and is right: accepted, with the evidence kept
# section: Resources
# verdict: ACCEPTED
# limits: memory_bytes=67108864
# expect stdout: 'killed by 9\n'
# outcome: exit_code=0 oom_kills>=1

import os

child = os.fork()
if child == 0:
    kept = []
    while True:
        kept.append(bytearray(b"x" * 1_000_000))
_, status = os.waitpid(child, 0)
print("killed by", os.WTERMSIG(status))
