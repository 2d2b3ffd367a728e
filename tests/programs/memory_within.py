# trick: a right program that uses most of its memory, gives it back and uses it again
# section: Resources
# verdict: ACCEPTED
# limits: memory_bytes=67108864 cpu_seconds=2
# expect stdout: '3 times\n'
# outcome: oom_kills=0 peak_memory_bytes>=40000000 peak_memory_bytes<=67108864

for _ in range(3):
    block = bytearray(b"x") * 40_000_000
    del block
print("3 times")
