# trick: closes stderr and leaves its number to the next file it opens, then fails with a traceback
# section: Resources
# abuse: its own stdout or stderr closed
# verdict: RUNTIME_ERROR
# expect stdout: 'right\n'
# outcome: exit_code=1 stderr_bytes=0

import os

os.close(2)
assert os.open("/tmp/log", os.O_CREAT | os.O_WRONLY) == 2
print("right", flush=True)
raise ValueError
