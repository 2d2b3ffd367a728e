# trick: devices in place of the file to be collected: by mknod, by a link to one, by a whiteout
# section: Files
# abuse: collected: device
# verdict: ACCEPTED
# collect: zero link whiteout
# outcome: exit_code=0 collected_bytes=0 wall_seconds<=5

import contextlib
import os
import stat

for name, device in (("zero", (1, 5)), ("whiteout", (0, 0))):
    with contextlib.suppress(OSError):
        os.mknod(f"/work/{name}", stat.S_IFCHR | 0o666, os.makedev(*device))
with contextlib.suppress(OSError):
    os.link("/dev/zero", "/work/link")
if not os.path.exists("/work/link"):
    os.symlink("/dev/zero", "/work/link")
