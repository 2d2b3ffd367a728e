# trick: a listening socket in place of the file to be collected
# section: Files
# abuse: collected: socket
# verdict: ACCEPTED
# collect: socket
# outcome: exit_code=0 collected_bytes=0 wall_seconds<=5

import os
import socket
import time

server = socket.socket(socket.AF_UNIX)
server.bind("/work/socket")
server.listen()
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
