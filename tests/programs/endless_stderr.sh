# trick: writes to stderr without end, which is only truncated
# section: Resources
# abuse: endless stderr
# verdict: TIME_LIMIT
# limits: cpu_seconds=0.4 output_bytes=65536
# outcome: stopped_by=cpu stderr_truncated=1 stderr_bytes=65536

while :; do echo "much ado about nothing" >&2; done
