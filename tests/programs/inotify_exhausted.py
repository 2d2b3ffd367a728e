# trick: takes every inotify instance that it can get, and holds them
# section: Resources
# verdict: ACCEPTED
# expect stdout: 'some\n'

import ctypes
import errno
import time

libc = ctypes.CDLL(None, use_errno=True)
got = 0
while libc.inotify_init1(0) >= 0:
    got += 1
# As many as an ordinary program needs, or none at all by decree; never none because a neighbour has them.
assert got >= 4 or ctypes.get_errno() in (errno.ENOSYS, errno.EPERM), got
time.sleep(0.2)
print("some")
