# trick: files that are all hole, so that collecting them costs others what they did not cost it
# section: Files
# verdict: ACCEPTED
# limits: memory_bytes=67108864 disk_bytes=67108864
# collect: small a b c d e f g h
# outcome: collected_bytes>=2 collected_bytes<=67108864

import os

with open("/work/small", "w") as file:
    file.write("42")
for name in "abcdefgh":
    with open(f"/work/{name}", "wb") as file:
        os.truncate(file.fileno(), 60 << 20)
