# trick: waits for ever on a FIFO that nobody opens
# section: Files
# verdict: TIME_LIMIT
# limits: wall_seconds=0.5
# outcome: stopped_by=wall

import os

os.mkfifo("/tmp/pipe")
open("/tmp/pipe").read()
