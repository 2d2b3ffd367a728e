# trick: deleted files held open by an orphan, and as its mapped memory, its root of work and its executable
# section: Proofs
# verdict: ACCEPTED
# expect stdout: 'held\n'

import mmap
import os
import shutil
import time

ready, told = os.pipe()
if os.fork() == 0:
    os.setsid()
    held = []
    for place in ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt"):
        fd = os.open(f"{place}/deleted", os.O_CREAT | os.O_RDWR)
        os.write(fd, b"x" * 8192)
        held.append(mmap.mmap(fd, 8192))
        os.unlink(f"{place}/deleted")
    os.mkdir("/tmp/gone")
    os.chdir("/tmp/gone")
    os.rmdir("/tmp/gone")
    shutil.copy("/usr/bin/sleep", "/home/sleep")
    if os.fork() == 0:
        os.execv("/home/sleep", ["sleep", "1000"])
    time.sleep(0.02)
    os.unlink("/home/sleep")
    os.write(told, b"x")
    time.sleep(1000)
os.read(ready, 1)
print("held")
