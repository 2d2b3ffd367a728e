# trick: an orphan keeps stdout open and means to write later
# section: Processes
# abuse: orphan that keeps stdout open
# verdict: ACCEPTED
# expect stdout: 'done\n'
# outcome: exit_code=0 wall_seconds<=2

import os
import time

if os.fork() == 0:
    os.setsid()
    time.sleep(3)
    os.write(1, b"late\n")
    os._exit(0)
print("done")
