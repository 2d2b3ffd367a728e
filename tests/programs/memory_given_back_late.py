# trick: as much memory as it may have in tmpfs, page cache, pipes and caches of names, then ends: the account must not follow
# section: Proofs
# verdict: ACCEPTED
# limits: memory_bytes=134217728 disk_bytes=67108864
# expect stdout: 'used\n'

import contextlib
import os

block = b"x" * (1 << 20)
with contextlib.suppress(OSError):
    for number in range(60):
        with open(f"/tmp/{number}", "wb") as file:
            file.write(block)
for place in ("/usr/lib", "/usr/bin"):
    for directory, _, names in os.walk(place):
        for name in names[:2]:
            with contextlib.suppress(OSError), open(f"{directory}/{name}", "rb") as file:
                file.read(1 << 16)
        if directory.count("/") > 4:
            break
print("used")
