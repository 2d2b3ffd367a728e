# trick: takes the writable directories themselves away, or changes their mode and owner
# section: Files
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import os
from collections.abc import Callable


def refused(what: str, call: Callable[[], object]) -> None:
    try:
        call()
    except OSError:
        return
    raise SystemExit(f"{what} was allowed")


os.mkdir("/tmp/mine")
for place in ("/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt", "/work"):
    refused(f"rmdir {place}", lambda place=place: os.rmdir(place))
    refused(f"rename {place}", lambda place=place: os.rename(place, place + "2"))
    refused(f"move {place}", lambda place=place: os.rename(place, "/tmp/mine/x"))
    refused(f"chmod {place}", lambda place=place: os.chmod(place, 0o700))
    refused(f"chown {place}", lambda place=place: os.chown(place, os.getuid(), -1))
    refused(f"utime {place}", lambda place=place: os.utime(place, ns=(1, 1)))
print("refused")
