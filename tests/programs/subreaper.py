# trick: adopts its grandchildren, so that they do not come to pid 1, and ends
# section: Processes
# verdict: ACCEPTED
# expect stdout: 'adopted\n'

import ctypes
import os
import time

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
adopter = os.getpid()
read, write = os.pipe()
if os.fork() == 0:
    between = os.getpid()
    if os.fork() == 0:
        while os.getppid() == between:
            time.sleep(0.005)
        os.write(write, str(os.getppid()).encode())
        time.sleep(1000)
    os._exit(0)
os.wait()
assert int(os.read(read, 100)) == adopter, "not adopted"
print("adopted")
