# trick: writes to every file of its own in /proc
# section: Kernel surface
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import os

for directory, _, names in os.walk("/proc/self/", followlinks=False):
    for name in names:
        path = os.path.join(directory, name)
        if os.path.islink(path):
            continue
        try:
            os.close(os.open(path, os.O_WRONLY))
        except OSError:
            continue
        print(path)
print("refused")
