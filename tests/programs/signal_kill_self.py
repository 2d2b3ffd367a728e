# trick: kills itself with SIGKILL, as the memory limit would: no oom kill, so no memory limit
# section: Processes
# verdict: RUNTIME_ERROR
# outcome: signal=9 oom_kills=0

import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
