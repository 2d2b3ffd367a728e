# trick: the directory of the file to be collected becomes a link to /etc and back, again and again, while it is collected
# section: Files
# abuse: collected: its directory swapped for a symlink meanwhile
# verdict: ACCEPTED
# limits: memory_bytes=134217728
# collect: out/passwd
# outcome: collected_bytes<=2

import ctypes
import os

libc = ctypes.CDLL(None)
os.mkdir("/work/out")
with open("/work/out/passwd", "w") as file:
    file.write("42")
os.symlink("/etc", "/work/link")
if os.fork() == 0:
    os.setsid()
    while True:
        libc.renameat2(-100, b"/work/out", -100, b"/work/link", 2)  # RENAME_EXCHANGE
