# trick: makes and opens devices; leaves a whiteout, which needs no right
# section: Files
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import contextlib
import os
import stat

HARMLESS = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)}  # null zero full random urandom tty ptmx

for mode, device in ((stat.S_IFCHR, (1, 1)), (stat.S_IFCHR, (1, 3)), (stat.S_IFBLK, (8, 0)), (stat.S_IFBLK, (7, 0))):
    try:
        os.mknod(f"/tmp/node{device[0]}{device[1]}", mode | 0o666, os.makedev(*device))
    except PermissionError:
        continue
    raise SystemExit(f"mknod {device} was allowed")
with contextlib.suppress(OSError):
    os.mknod("/tmp/whiteout", stat.S_IFCHR | 0o600, os.makedev(0, 0))
for place, _, names in os.walk("/dev"):
    for name in names:
        facts = os.lstat(f"{place}/{name}")
        assert not stat.S_ISBLK(facts.st_mode), f"block device {place}/{name}"
        if stat.S_ISCHR(facts.st_mode):
            number = (os.major(facts.st_rdev), os.minor(facts.st_rdev))
            assert number in HARMLESS or place.startswith("/dev/pts"), f"{place}/{name} is {number}"
print("refused")
