# trick: a FIFO in place of the file to be collected, which would make its reader wait for ever
# section: Files
# abuse: collected: FIFO
# verdict: ACCEPTED
# collect: fifo
# outcome: exit_code=0 collected_bytes=0 wall_seconds<=5

import os

os.mkfifo("/work/fifo")
