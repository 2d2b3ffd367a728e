# trick: whiteouts by mknod and by rename, which an overlay would take for deleted files, some left and some deleted
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'made\n'

import contextlib
import ctypes
import os
import stat

libc = ctypes.CDLL(None, use_errno=True)
for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home"):
    for name in ("usr", "etc", "left", "deleted"):
        with contextlib.suppress(OSError):
            os.mknod(f"{place}/{name}", stat.S_IFCHR, os.makedev(0, 0))
    with open(f"{place}/file", "w"):
        pass
    libc.renameat2(-100, f"{place}/file".encode(), -100, f"{place}/moved".encode(), 4)  # RENAME_WHITEOUT
    for name in ("deleted", "file", "moved"):
        with contextlib.suppress(OSError):
            os.unlink(f"{place}/{name}")
print("made")
