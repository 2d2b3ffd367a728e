# trick: uses up the offsets that a directory hands out to its entries, which count on when the entries are gone
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'used\n'

import os

for place in ("/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt"):
    for _ in range(300):
        os.symlink("x", f"{place}/x")
        os.unlink(f"{place}/x")
print("used")
