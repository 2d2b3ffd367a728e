"""Root of a user namespace that somebody else made, as in a pod with `hostUsers: false`; and where none may be made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.user_namespaces import mapped_namespace

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
FIRST_ID = 3_100_000_000


def engine(command: list[str], state: Path, *arguments: str) -> dict[str, Any]:
    run = [*command, sys.executable, "-m", "tests.support.ordinary_user", str(state), *arguments]
    environment = {**os.environ, "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize("drop", [[], ["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]], ids=["all", "no mounts"])
def test_the_root_of_a_pod_gives_its_slots_ids_of_the_pods_own(drop: list[str], tmp_path: Path) -> None:
    os.chown(tmp_path, FIRST_ID, FIRST_ID)
    for directory in tmp_path.parents[:2]:
        directory.chmod(0o755)
    with mapped_namespace(FIRST_ID) as enter:
        answer = engine([*enter, "unshare", "--mount", "setpriv", *drop, "--no-new-privs"], tmp_path, "degraded")
    assert "refused" not in answer, answer["refused"]
    assert answer["place"].startswith("Kubernetes, hostUsers: false and procMount: Unmasked: degraded")
    assert answer["faults"] == 0
    first, last = map(int, answer["facts"]["uids"].split("-"))
    assert 0 < first < last < 65_536
    assert answer["who"][1].startswith("1000 1000 ")
    assert answer["looks"][1] == "False 0 True\n"
    assert answer["spins"][0] == "TIME_LIMIT"


def test_where_no_namespace_may_be_made_the_refusal_says_so(tmp_path: Path) -> None:
    # The knob is one of each user namespace: the machine's own stays as it is.
    forbid = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", forbid, "sh"]
    refused = engine(command, tmp_path)["refused"]
    assert "No space left on device" in refused
    assert "no user namespaces: refused; as root of the machine: sysctl -w user.max_user_namespaces=15000" in refused
