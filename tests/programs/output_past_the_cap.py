# trick: one byte more than is kept
# section: Resources
# verdict: OUTPUT_LIMIT
# limits: output_bytes=100000
# outcome: exit_code=0 stdout_bytes=100000 stdout_truncated=1

import sys

sys.stdout.write("x" * 100_001)
