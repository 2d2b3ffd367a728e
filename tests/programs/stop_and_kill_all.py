# trick: SIGSTOP and SIGKILL to -1 from a child, which spares only who sends and who may not be reached
# section: Processes
# abuse: signals to everybody
# verdict: RUNTIME_ERROR
# outcome: signal=9 oom_kills=0 wall_seconds<=5

import os
import signal
import time

if os.fork() == 0:
    for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL):
        os.kill(-1, number)
    os._exit(0)
time.sleep(1000)
