# trick: opens files until refused
# section: Resources
# verdict: ACCEPTED
# limits: open_files=40
# expect stdout: '40\n'

import errno
import os

try:
    while True:
        last = os.open("/dev/null", os.O_RDONLY)
except OSError as error:
    assert error.errno == errno.EMFILE, error
print(last + 1)
