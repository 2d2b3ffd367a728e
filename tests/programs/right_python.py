# trick: none: adds the numbers of its input
# section: Languages
# verdict: ACCEPTED
# stdin: '1 2 3\n4 5\n'
# expect stdout: '15\n'
# outcome: exit_code=0 oom_kills=0 refused_processes=0 stderr_bytes=0

import sys

print(sum(map(int, sys.stdin.read().split())))
