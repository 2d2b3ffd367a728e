# trick: hides from ptrace checks under a name that looks like fields of /proc/PID/stat, then spins
# section: Processes
# verdict: TIME_LIMIT
# limits: cpu_seconds=0.3
# outcome: stopped_by=cpu

import ctypes

libc = ctypes.CDLL(None)
libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
libc.prctl(15, b") S 1 1\n1 0 0", 0, 0, 0)  # PR_SET_NAME
while True:
    pass
