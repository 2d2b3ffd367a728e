# trick: leaves its children unreaped until the process limit is reached, then ends
# section: Processes
# abuse: zombies
# verdict: ACCEPTED
# limits: processes=16 memory_bytes=134217728
# expect stdout: 'refused\n'
# outcome: exit_code=0 refused_processes>=1

import os

while True:
    try:
        if os.fork() == 0:
            os._exit(0)
    except BlockingIOError:
        break
print("refused")
