# trick: leaves names and modes that are hard to delete
# section: Files
# verdict: ACCEPTED
# expect stdout: 'left\n'

import os

names = [b" ", b"-rf", b"--", b"\xff\xfe", b"new\nline", b"\x1b[2J", b"n" * 255, b"..." , b"*", b"a\\b", b"\xe2\x80\xae", b"'\"$(id)"]
for place in (b"/work", b"/tmp", b"/dev/shm", b"/run", b"/home", b"/var/tmp"):
    for name in names:
        os.mkdir(os.path.join(place, name), 0o700)
        with open(os.path.join(place, name, name), "wb") as file:
            file.write(b"x")
        os.chmod(os.path.join(place, name, name), 0)
        os.chmod(os.path.join(place, name), 0)
print("left")
