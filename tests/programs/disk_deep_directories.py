# trick: directories so deep that no path reaches the bottom
# section: Resources
# abuse: disk: deep directories
# verdict: ACCEPTED
# limits: disk_bytes=8388608 memory_bytes=134217728
# expect stdout: 'no room\n'

import errno
import os

os.chdir("/tmp")
try:
    while True:
        os.mkdir("d" * 200, 0o700)
        os.chdir("d" * 200)
except OSError as error:
    assert error.errno == errno.ENOSPC, error
print("no room")
