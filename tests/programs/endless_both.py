# trick: writes to both streams without end, from two processes
# section: Resources
# abuse: endless stdout
# abuse: endless stderr
# verdict: OUTPUT_LIMIT
# limits: output_bytes=65536

import os

block = b"x" * 5000
stream = 1 if os.fork() == 0 else 2
while True:
    os.write(stream, block)
