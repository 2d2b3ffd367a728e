# trick: more stderr than is kept, but not without end: truncated, and right all the same
# section: Resources
# verdict: ACCEPTED
# limits: output_bytes=65536
# expect stdout: '42\n'
# outcome: stderr_truncated=1 stderr_bytes=65536 stdout_truncated=0

import sys

sys.stderr.write("x" * 100_000)
print(42)
