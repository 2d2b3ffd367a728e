# trick: fills the disk with what is hard to delete: odd names, directories without rights, depth beyond any path
# section: Resources
# abuse: disk: names that are hard to delete
# verdict: ACCEPTED
# limits: disk_bytes=8388608 memory_bytes=134217728
# expect stdout: 'full\n'

import errno
import os

NAMES = (b"-rf", b"\xff\xfe", b"new\nline", b"n" * 255, b"\xe2\x80\xae", b" ", b"...")
number = 0
try:
    os.chdir("/tmp")
    while True:
        name = NAMES[number % len(NAMES)]
        with open(b"f" + name[:254], "wb") as file:
            file.write(b"x" * 4096)
        os.mkdir(name, 0o700)
        os.chdir(name)
        os.chmod(b"../f" + name[:254], 0)
        # Nobody may list or enter the directory above any more.
        os.chmod(b"..", 0) if number else None
        number += 1
except OSError as error:
    if error.errno != errno.ENOSPC:
        raise
print("full")
