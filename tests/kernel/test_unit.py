"""An engine behind the walls that systemd builds from scripts/deploy/assay.service, built here without systemd."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.accounts import Account, account

# The unit asks for cgroup v2.
pytestmark = [pytest.mark.kernel, pytest.mark.cgroup2]

# ProtectSystem=strict, ProtectHome=yes, PrivateTmp=yes, RuntimeDirectory= and UMask=, in a mount namespace of its own.
WALLS = """
set -e
mount --make-rprivate /
mount --bind {runtime} {runtime}
mount -t tmpfs -o mode=1777 none /tmp
mount -t tmpfs -o mode=1777 none /var/tmp
for home in /root /home; do mount -t tmpfs -o mode=000,ro none $home; done
while read -r _ _ _ _ point _; do
    case $point in
        /proc|/proc/*|/sys|/sys/*|/dev|/dev/*|/tmp|/var/tmp|{runtime}) ;;
        *) mount -o remount,bind,ro "$point" ;;
    esac
done < /proc/self/mountinfo
env test ! -w /usr
umask 0077
exec "$@"
"""


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    if shutil.which("newuidmap") is None:
        pytest.skip("needs newuidmap (Debian's uidmap)")
    if not Path(sys.executable).resolve().is_relative_to("/usr"):
        pytest.skip("needs a Python below /usr: the homes are closed")
    with tempfile.TemporaryDirectory(prefix="assay-unit-", dir="/srv") as place:
        Path(place).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", place)
        with account(sub_ids=True, groups=True) as made:
            yield made


def test_behind_the_walls_of_the_unit_everything_is_enforced(user: Account) -> None:
    walls = WALLS.format(runtime=user.state)
    command = ["unshare", "--mount", "sh", "-c", walls, "sh", *user.command()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["place"] == "ordinary user with subuid: works"
    assert "facts" in said, said
    assert said["facts"]["limits"] == "every limit proved"
    assert said["is right"][:2] == ["ACCEPTED", "hello\n"]
    assert said["eats memory"][0] == "MEMORY_LIMIT"
    assert (said["not enforced"], said["faults"]) == ([], 0)
