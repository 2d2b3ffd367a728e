# trick: exactly as much output as is kept
# section: Resources
# verdict: ACCEPTED
# limits: output_bytes=100000
# outcome: stdout_bytes=100000 stdout_truncated=0 stderr_bytes=100000 stderr_truncated=0

import sys

sys.stdout.write("x" * 100_000)
sys.stderr.write("y" * 100_000)
