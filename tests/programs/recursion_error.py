# trick: recursion with Python's own limit in force
# section: Resources
# verdict: RUNTIME_ERROR
# outcome: exit_code=1 oom_kills=0


def deeper(level: int) -> int:
    return deeper(level + 1) + 1


deeper(0)
