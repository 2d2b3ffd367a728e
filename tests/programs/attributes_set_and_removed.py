# trick: large extended attributes on files of its own, all deleted again: the blocks are back, the account may not be
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'removed\n'

import contextlib
import os

for place in ("/tmp", "/var/tmp", "/run", "/dev/shm", "/home"):
    for number in range(50):
        with open(f"{place}/{number}", "w"):
            pass
        with contextlib.suppress(OSError):
            for name in range(8):
                os.setxattr(f"{place}/{number}", f"user.{name}", b"x" * 4000)
        os.unlink(f"{place}/{number}")
print("removed")
