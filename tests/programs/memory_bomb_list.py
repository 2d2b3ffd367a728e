# trick: a list that grows without end, MemoryError caught
# section: Resources
# abuse: memory: anonymous pages
# verdict: MEMORY_LIMIT
# limits: memory_bytes=67108864
# outcome: signal=9 oom_kills>=1

kept = []
while True:
    try:
        kept.append(bytearray(b"x" * 1_000_000))
    except MemoryError:
        pass
