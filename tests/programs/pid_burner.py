# trick: uses up two hundred pids and ends well: the next run's pid must not tell
# section: Processes
# verdict: ACCEPTED
# expect stdout: 'burnt\n'

import os

for _ in range(200):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
print("burnt")
