"""A real ordinary user of this machine: made for a test, with or without ids in /etc/subuid and control groups."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.machine.place import own_groups

ROOT = Path(__file__).parents[2]
NAME = f"assay-test-{os.getpid()}"
# Of this process alone: by them the user's programs are told from all others.
FIRST_SUB_ID = 3_000_000_000 + os.getpid() % 1_000 * 65_536
SUB_IDS = range(FIRST_SUB_ID, FIRST_SUB_ID + 65_536)


@dataclass(frozen=True)
class Account:
    """The user, a directory of its own with our packages in it, and the groups that it may use."""

    uid: int
    gid: int
    place: Path
    groups: tuple[Path, ...]

    @property
    def state(self) -> Path:
        return self.place / "state"

    def command(self, *arguments: str, module: str = "tests.support.ordinary_user") -> list[str]:
        """`python -m` of this module under this user, in its groups."""
        join = "".join(f"echo $$ > {group}/cgroup.procs; " for group in self.groups)
        python = Path(sys.executable).resolve()
        user = f"setpriv --reuid {self.uid} --regid {self.gid} --clear-groups --reset-env"
        environment = f"env PYTHONPATH={self.place} PYTHONDONTWRITEBYTECODE=1"
        run = f"exec {user} {environment} {python} -m {module} {self.state}"
        return ["sh", "-c", f"{join}cd {self.place}; {run} {' '.join(arguments)}"]


@contextlib.contextmanager
def account(*, sub_ids: bool, groups: bool) -> Iterator[Account]:
    """Make the user, and remove every trace of it afterwards."""
    with contextlib.ExitStack() as undo:
        subprocess.run(["useradd", "--system", "--no-create-home", "--user-group", NAME], check=True)
        undo.callback(subprocess.run, ["userdel", NAME], check=True)
        user = pwd.getpwnam(NAME)
        if sub_ids:
            span = f"{SUB_IDS[0]}-{SUB_IDS[-1]}"
            subprocess.run(["usermod", "--add-subuids", span, "--add-subgids", span, NAME], check=True)
        # Not below a checkout that may be closed to others.
        place = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="assay-user-")))
        _copy_packages(place)
        (place / "state").mkdir()
        for directory in (place, place / "state"):
            os.chown(directory, user.pw_uid, user.pw_gid)
        made = []
        for parent in _own_groups() if groups else ():
            made.append(_delegated(parent, user))
            undo.callback(_remove, made[-1])
        yield Account(user.pw_uid, user.pw_gid, place, tuple(made))


def _copy_packages(place: Path) -> None:
    for name in ("engine", "tests"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "programs"))
    shutil.copytree(Path(msgspec.__file__).parent, place / "msgspec")
    for path in [place, *place.rglob("*")]:
        path.chmod(0o755)


def _own_groups() -> list[Path]:
    return own_groups(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())


def _remove(group: Path) -> None:
    # On v2 the engine has moved its own processes one below.
    for path in (*(path for path in group.iterdir() if path.is_dir()), group):
        path.rmdir()


def _delegated(parent: Path, user: pwd.struct_passwd) -> Path:
    group = parent / NAME
    group.mkdir()
    for path in (group, *group.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    return group
