# trick: hard links in place of the file to be collected: to its own file, and to one that is not its own
# section: Files
# abuse: collected: hard link
# verdict: ACCEPTED
# collect: own passwd script
# collected: own script

import contextlib
import os

with open("/tmp/elsewhere", "w") as file:
    file.write("42")
os.link("/tmp/elsewhere", "/work/own")
for target, name in (("/etc/passwd", "passwd"), ("/work/main.py", "script")):
    with contextlib.suppress(OSError):
        os.link(target, f"/work/{name}")
