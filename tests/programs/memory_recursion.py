# trick: recursion without a limit
# section: Resources
# verdict: MEMORY_LIMIT
# limits: memory_bytes=67108864
# outcome: signal=9 oom_kills>=1

import sys

sys.setrecursionlimit(2**31 - 1)


def deeper(level: int) -> int:
    return deeper(level + 1) + 1


deeper(0)
