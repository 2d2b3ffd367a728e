# trick: right output and a failing exit
# section: Processes
# verdict: RUNTIME_ERROR
# stdin: '2 3\n'
# expect stdout: '5\n'
# outcome: exit_code=1

import sys

print(sum(map(int, sys.stdin.read().split())))
sys.exit(1)
