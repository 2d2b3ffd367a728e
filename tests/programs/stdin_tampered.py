# trick: tries to change its input for whoever reads it next
# section: Files
# verdict: ACCEPTED
# stdin: 'one\ntwo\n'
# expect stdout: 'one\ntwo\n'

import fcntl
import os
from collections.abc import Callable


def refused(what: str, call: Callable[[], object]) -> None:
    try:
        call()
    except OSError:
        return
    raise SystemExit(f"{what} was allowed")


refused("write", lambda: os.write(0, b"x"))
refused("open for writing", lambda: os.open("/dev/stdin", os.O_WRONLY))
refused("open for both", lambda: os.open("/proc/self/fd/0", os.O_RDWR))
refused("truncate", lambda: os.truncate("/dev/stdin", 0))
refused("ftruncate", lambda: os.ftruncate(0, 0))
refused("chmod", lambda: os.fchmod(0, 0o777))
refused("xattr", lambda: os.setxattr(0, "user.note", b"x"))
fcntl.flock(0, fcntl.LOCK_EX)
os.lseek(0, 3, os.SEEK_SET)
with open("/dev/stdin") as again:
    print(again.read(), end="")
