# trick: runs a program that has no name
# section: Processes
# verdict: ACCEPTED
# expect stdout: 'nameless\n'

import os

fd = os.memfd_create("nameless", 0)
with open("/usr/bin/env", "rb") as source:
    os.write(fd, source.read())
os.execve(f"/proc/self/fd/{fd}", ["env", "echo", "nameless"], os.environ)
