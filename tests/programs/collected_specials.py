# trick: FIFO, socket, directory and whiteout in place of the files to be collected
# section: Files
# abuse: collected: FIFO
# abuse: collected: socket
# abuse: collected: directory
# verdict: ACCEPTED
# collect: answer fifo socket directory whiteout missing
# collected: answer
# outcome: exit_code=0 wall_seconds<=5

import contextlib
import os
import socket
import stat

with open("/work/answer", "w") as file:
    file.write("42")
os.mkfifo("/work/fifo")
socket.socket(socket.AF_UNIX).bind("/work/socket")
os.mkdir("/work/directory")
with contextlib.suppress(OSError):
    os.mknod("/work/whiteout", stat.S_IFCHR | 0o600, os.makedev(0, 0))
