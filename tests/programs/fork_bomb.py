# trick: forks for ever, in every child too
# section: Resources
# abuse: fork bomb
# verdict: TIME_LIMIT
# limits: cpu_seconds=0.4 memory_bytes=268435456 processes=32
# outcome: stopped_by=cpu refused_processes>=1

import os

while True:
    try:
        os.fork()
    except OSError:
        pass
