# trick: tries to write everywhere else: tool chain, /etc, /dev, the root, its own program
# section: Files
# verdict: ACCEPTED
# expect stdout: 'seven writable directories\n'

import os

WRITABLE = ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt")
found = {}


def visit(directory: str, depth: int) -> None:
    try:
        fd = os.open(f"{directory}/assay-test", os.O_CREAT | os.O_WRONLY | os.O_EXCL)
    except OSError:
        pass
    else:
        os.close(fd)
        # One directory may be there by two names.
        facts = os.stat(directory)
        found[facts.st_dev, facts.st_ino] = directory
    if depth == 0:
        return
    try:
        entries = [entry for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for entry in entries:
        if entry.path != "/proc" and entry.path != "//proc":
            visit(entry.path.replace("//", "/"), depth - 1)


visit("/", 3)
wanted = {(os.stat(place).st_dev, os.stat(place).st_ino) for place in WRITABLE}
assert found.keys() == wanted, f"{sorted(found.values())} instead of {WRITABLE}"
for path in ("/usr/bin/env", "/usr/bin/python3", "/etc/passwd", "/etc/hosts", "/etc/ld.so.preload"):
    for change in (
        lambda path=path: os.open(path, os.O_WRONLY | os.O_CREAT),
        lambda path=path: os.unlink(path),
        lambda path=path: os.utime(path),
        lambda path=path: os.chmod(path, 0o777),
        lambda path=path: os.rename("/work", path),
        lambda path=path: os.setxattr(path, "user.x", b"x"),
    ):
        try:
            change()
        except OSError:
            continue
        raise SystemExit(f"{path} could be changed")
print("seven writable directories")
