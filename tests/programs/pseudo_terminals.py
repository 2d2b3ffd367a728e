# trick: pseudo terminals, whose numbers would count on, kept open by an orphan
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'asked\n'

import os
import time

held = []
for path in ("/dev/ptmx", "/dev/pts/ptmx", "/dev/tty", "/dev/console"):
    for _ in range(4):
        try:
            held.append(os.open(path, os.O_RDWR | os.O_NOCTTY))
        except OSError:
            break
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
print("asked")
