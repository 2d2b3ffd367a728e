# trick: writes lines without end
# section: Resources
# abuse: endless stdout
# verdict: OUTPUT_LIMIT
# limits: output_bytes=65536
# outcome: stdout_truncated=1 stdout_bytes=65536

while True:
    print("x" * 100)
