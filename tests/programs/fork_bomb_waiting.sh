# trick: the classic bomb in the foreground: every shell waits for two more
# section: Resources
# abuse: fork bomb
# verdict: TIME_LIMIT
# limits: cpu_seconds=0.5 wall_seconds=0.8 memory_bytes=134217728 processes=32
# outcome: refused_processes>=1

bomb() { bomb | bomb; }
bomb 2>/dev/null
