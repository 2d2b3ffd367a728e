# trick: watches, locks and leases on the directories that may stay, and a dnotify, all held by an orphan
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'watched\n'

import contextlib
import ctypes
import fcntl
import os
import time

libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(0)
for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/", "/dev", "/usr", "/etc", "/proc"):
    libc.inotify_add_watch(fd, place.encode(), 0xFFF)
    held = os.open(place, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with contextlib.suppress(OSError):
        fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    with contextlib.suppress(OSError):
        fcntl.fcntl(held, fcntl.F_NOTIFY, fcntl.DN_CREATE | fcntl.DN_MULTISHOT)
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
print("watched")
