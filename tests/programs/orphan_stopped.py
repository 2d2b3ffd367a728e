# trick: leaves stopped processes behind, which no SIGTERM moves
# section: Processes
# verdict: ACCEPTED
# expect stdout: 'left\n'

import os
import signal

children = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, os.WUNTRACED)
print("left")
