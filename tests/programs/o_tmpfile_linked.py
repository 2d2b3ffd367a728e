# trick: a file without a name gets one by linkat and loses it again
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'linked\n'

import contextlib
import os

for place in ("/tmp", "/dev/shm", "/home", "/mnt"):
    with contextlib.suppress(OSError):
        fd = os.open(place, os.O_TMPFILE | os.O_RDWR, 0o600)
        os.link(f"/proc/self/fd/{fd}", f"{place}/name", follow_symlinks=True)
        os.unlink(f"{place}/name")
        os.close(fd)
print("linked")
