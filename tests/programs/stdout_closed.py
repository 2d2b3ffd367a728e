# trick: closes its streams, works on and ends well
# section: Resources
# abuse: its own stdout or stderr closed
# verdict: ACCEPTED
# expect stdout: ''
# outcome: exit_code=0 wall_seconds>=0.2

import os
import time

for fd in (0, 1, 2):
    os.close(fd)
time.sleep(0.2)
os._exit(0)
