# trick: exchanges the writable directories with each other, with one of its own, and with what lies beside them
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
EXCHANGE, NO_REPLACE = 2, 1
os.mkdir("/tmp/own", 0o1777)
PLACES = ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt", "/tmp/own", "/etc", "/usr", "/program")
for one in PLACES:
    for other in PLACES:
        if one != other:
            for flags in (EXCHANGE, NO_REPLACE, 0):
                done = libc.renameat2(-100, one.encode(), -100, other.encode(), flags)
                assert done == -1, f"{one} -> {other} with {flags}"
# Entries between two of the places are its own business, and gone with them.
for name in ("/tmp/entry", "/home/entry"):
    with open(name, "w") as file:
        file.write(name)
libc.renameat2(-100, b"/tmp/entry", -100, b"/home/entry", EXCHANGE)
for name in ("/tmp/entry", "/home/entry"):
    os.unlink(name)
os.rmdir("/tmp/own")
print("refused")
