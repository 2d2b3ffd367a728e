# trick: fills its queue of pending signals, which the kernel counts per user, and holds them
# section: Resources
# verdict: ACCEPTED
# expect stdout: 'full\n'

import ctypes
import os
import signal
import time

libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
sent = 0
while sent < 100_000 and libc.sigqueue(os.getpid(), int(signal.SIGRTMIN), None) == 0:
    sent += 1
# A share of what the machine has, because the account is one for all slots.
assert 64 <= sent <= 16384, sent
time.sleep(0.2)
print("full")
