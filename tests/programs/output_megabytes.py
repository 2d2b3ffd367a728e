# trick: ten megabytes of output within its limit
# section: Resources
# abuse: 10 MB of output
# verdict: ACCEPTED
# limits: output_bytes=10485760
# outcome: stdout_bytes=10485760 stdout_truncated=0

import sys

for _ in range(160):
    sys.stdout.buffer.write(b"x" * 65536)
