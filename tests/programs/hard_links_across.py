# trick: hard links from one writable directory to another, so that a file survives in the one when the other is cleaned
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'linked\n'

import contextlib
import os

PLACES = ("/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/work")
for place in PLACES:
    with open(f"{place}/note", "w") as file:
        file.write("for the next run")
    for other in PLACES:
        with contextlib.suppress(OSError):
            os.link(f"{place}/note", f"{other}/from {place.replace('/', ' ')}")
    os.unlink(f"{place}/note")
print("linked")
