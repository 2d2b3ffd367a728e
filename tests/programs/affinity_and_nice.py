# trick: moves itself to other cores and to the lowest priority, then spins in four processes: the limit stays
# section: Resources
# abuse: pinned to cores
# abuse: priority raised
# verdict: TIME_LIMIT
# limits: cpu_seconds=0.3
# outcome: stopped_by=cpu

import contextlib
import os

os.fork()
os.fork()
with contextlib.suppress(OSError):
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
with contextlib.suppress(OSError):
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
os.nice(19)
while True:
    pass
