# trick: stops itself: it neither ends nor uses CPU
# section: Processes
# verdict: TIME_LIMIT
# limits: wall_seconds=0.5
# outcome: stopped_by=wall

import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
