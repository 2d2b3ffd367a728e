# trick: a daemon by double fork and setsid outlives the program
# section: Processes
# abuse: orphan by double fork and setsid
# verdict: ACCEPTED
# expect stdout: 'done\n'
# outcome: exit_code=0 wall_seconds<=5

import os
import signal
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        for fd in (0, 1, 2):
            os.close(fd)
        time.sleep(1000)
    os._exit(0)
os.wait()
print("done")
