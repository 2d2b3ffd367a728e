# trick: asks the kernel to kill others first, ignores every signal, then takes memory without end
# section: Resources
# abuse: oom_score_adj lowered
# verdict: MEMORY_LIMIT
# limits: memory_bytes=67108864
# outcome: signal=9 oom_kills>=1

import contextlib
import signal

for value in ("-1000", "-1", "0"):
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(value)
for number in signal.valid_signals():
    with contextlib.suppress(OSError):
        signal.signal(number, signal.SIG_IGN)
kept = []
while True:
    kept.append(bytearray(b"x" * 1_000_000))
