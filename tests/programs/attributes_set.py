# trick: extended attributes and access lists on whatever it can name: directories, its input, its output, devices, programs
# section: Proofs
# verdict: ACCEPTED
# stdin: 'input\n'
# expect stdout: 'as far as it goes\n'

import contextlib
import os

NAMES = (
    "user.note", "trusted.note", "security.note", "security.capability", "system.posix_acl_access",
    "system.posix_acl_default", "user.overlay.opaque", "trusted.overlay.opaque",
)
LIST = bytes.fromhex("0200000001000700ffffffff04000700ffffffff20000700ffffffff")
for place in (
    "/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt", "/", "/dev", "/etc", "/usr", "/proc", "/program", "/dev/null",
    "/usr/bin/env", "/etc/passwd", "/proc/self/exe", 0, 1, 2,
):
    for name in NAMES:
        for value in (b"for the next run", b"y", LIST):
            with contextlib.suppress(OSError):
                os.setxattr(place, name, value)
for place in ("/tmp", "/home", "/mnt", "/dev/shm"):
    os.mkdir(f"{place}/mine")
    for name in NAMES:
        for value in (b"for the next run", LIST):
            with contextlib.suppress(OSError):
                os.setxattr(f"{place}/mine", name, value)
print("as far as it goes")
