# trick: stops, kills and traces pid 1
# section: Processes
# abuse: signals to pid 1
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import os
import signal

assert os.getpid() != 1, "the program is pid 1 itself"
for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGCHLD, signal.SIGRTMIN, 0):
    try:
        os.kill(1, number)
    except PermissionError:
        continue
    raise SystemExit(f"signal {number} to pid 1 was allowed")
print("refused")
