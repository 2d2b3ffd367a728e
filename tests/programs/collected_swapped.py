# trick: an orphan goes on swapping the file to be collected, and its directory, while they are collected
# section: Files
# abuse: collected: its directory swapped for a symlink meanwhile
# verdict: ACCEPTED
# limits: memory_bytes=134217728
# collect: plain directory/inner
# collected: plain directory/inner

import ctypes
import os

libc = ctypes.CDLL(None)
AT_FDCWD, RENAME_EXCHANGE = -100, 2
os.mkdir("/work/directory")
os.mkdir("/work/other directory")
for path in ("plain", "other", "directory/inner", "other directory/inner"):
    with open(path, "w") as file:
        file.write("42")
if os.fork() == 0:
    os.setsid()
    while True:
        libc.renameat2(AT_FDCWD, b"plain", AT_FDCWD, b"other", RENAME_EXCHANGE)
        libc.renameat2(AT_FDCWD, b"directory", AT_FDCWD, b"other directory", RENAME_EXCHANGE)
