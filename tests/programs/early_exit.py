# trick: leaves with exit code 0 before any work is done
# section: Cheating the judge
# verdict: WRONG_ANSWER
# stdin: '2 3\n'
# expect stdout: '5\n'

import sys

sys.exit(0)
