# trick: none: 150 kilobytes, more than a pipe holds, all of it kept
# section: Resources
# abuse: 150 kB of output
# verdict: ACCEPTED
# outcome: stdout_bytes=150000 stdout_truncated=0

import sys

sys.stdout.write("x" * 149_999 + "\n")
