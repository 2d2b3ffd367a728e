# trick: stops and kills its parent
# section: Processes
# abuse: signals to its parent
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import os
import signal

parent = os.getppid()
if parent > 0:
    for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM):
        try:
            os.kill(parent, number)
        except PermissionError:
            continue
        raise SystemExit(f"signal {number} to the parent, {parent}, was allowed")
print("refused")
