# trick: ends as its input says: with an exit code or by a signal
# section: Processes
# abuse: every exit code
# abuse: death by every signal
# verdict: RUNTIME_ERROR
# stdin: 'exit 3\n'
# outcome: exit_code=3

import contextlib
import os
import signal

how, number = input().split()
if how == "exit":
    os._exit(int(number))
with contextlib.suppress(OSError, ValueError):
    signal.signal(int(number), signal.SIG_DFL)
os.kill(os.getpid(), int(number))
