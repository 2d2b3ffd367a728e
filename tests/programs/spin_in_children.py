# trick: lets children do the spinning and waits for them, so that its own CPU time stays small
# section: Resources
# verdict: TIME_LIMIT
# limits: cpu_seconds=0.4
# outcome: stopped_by=cpu cpu_seconds>=0.4

import os

for _ in range(4):
    if os.fork() == 0:
        while True:
            pass
os.wait()
