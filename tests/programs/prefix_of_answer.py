# trick: prints the beginning of the right output and leaves
# section: Cheating the judge
# verdict: WRONG_ANSWER
# stdin: '3\n'
# expect stdout: '1\n2\n3\n'

import os

os.write(1, b"1\n2\n")
os._exit(0)
