# trick: holds locks on what every sandbox shares, here and in an orphan
# section: Kernel surface
# abuse: message to a later run: flock
# abuse: message to a later run: lease
# verdict: ACCEPTED
# expect stdout: 'free\n'

import fcntl
import os
import time

SHARED = ("/dev/null", "/dev/zero", "/usr/bin/env", "/usr/bin/python3", "/usr/bin/bash", "/usr/bin/cat", "/usr/bin/ls", "/usr")
held = []
for path in SHARED:
    held.append(os.open(path, os.O_RDONLY))
    fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
null = os.open("/dev/null", os.O_RDWR)
fcntl.lockf(null, fcntl.LOCK_EX | fcntl.LOCK_NB)
try:
    fcntl.fcntl(held[2], fcntl.F_SETLEASE, fcntl.F_RDLCK)
except OSError:
    pass
else:
    raise SystemExit("a lease on a shared file was allowed")
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
time.sleep(0.05)
print("free")
