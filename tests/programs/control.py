# trick: none: an honest program that computes for some tens of milliseconds, to be run beside hostile ones
# section: Languages
# verdict: ACCEPTED
# expect stdout: '49995000 10000 9592\n'
# outcome: oom_kills=0 refused_processes=0

import os
import tempfile

sieve = bytearray([1]) * 100_000
for number in range(2, 317):
    if sieve[number]:
        sieve[number * number :: number] = bytes(len(range(number * number, 100_000, number)))
words = {str(number): number for number in range(10_000)}
with tempfile.TemporaryFile() as file:
    file.write(b"".join(os.urandom(1) for _ in range(10_000)))
    file.seek(0)
    size = len(file.read())
print(sum(words.values()), size, sum(sieve) - 2)
