# trick: touches the writable directories, which everybody who may write there is allowed to, and nothing else
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'touched\n'

import contextlib
import os

for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/", "/dev", "/etc"):
    with contextlib.suppress(OSError):
        os.utime(place)
print("touched")
