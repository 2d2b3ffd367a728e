"""Descriptors that do not get through a socket: whoever waits is answered, no verdict is wrong, no slot is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.machine.place import landlock_abi
from tests.support.accounts import account

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
NEEDED_ABI = 4
SECONDS = 60
NOT_JUDGED = "not judged: the sandbox faulted twice: sendmsg: Too many references"
PRINTED, COLLECTED = "ACCEPTED hello 0", "ACCEPTED hello 40"


def said(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.mark.skipif(landlock_abi() < NEEDED_ABI, reason=f"needs Landlock with ABI {NEEDED_ABI}")
@pytest.mark.parametrize("who", ["engine", "supervisor", pytest.param("keepers", marks=pytest.mark.thorough)])
def test_whoever_may_not_send_them(who: str) -> None:
    with account(sub_ids=False, groups=False) as user:
        answer = said(user.command(who, module="tests.support.flooded_user"))
    assert answer["before"] == [PRINTED, PRINTED]
    *short, faults = answer["in a short flood"]
    assert short == [PRINTED, PRINTED, COLLECTED]
    if who != "keepers":
        # A program that starts in a keeper has clocks already, and does not wait as long as that.
        assert faults == 0
    *runs, files = answer["in a flood"]
    for each in runs if who != "supervisor" else [*runs, files]:
        assert each.startswith(NOT_JUDGED), each
    if who != "supervisor":
        # The engine only receives them, and the next keeper has the supervisor's limit again.
        assert files == COLLECTED
    assert answer["after it"] == [PRINTED, PRINTED]
    assert answer["at once"]
    assert answer["the same keepers"] or who == "keepers"
    assert answer["the same supervisor"]


def test_whoever_has_none_left_to_receive_them(tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    (tmp_path / "state").mkdir()
    answer = said([sys.executable, "-m", "tests.support.short_of_descriptors", str(tmp_path / "state")])
    assert answer["files"] == ["ACCEPTED", 40]
    assert answer["a job"] == "1\n"
    assert answer["beside them"] == "ACCEPTED"
    assert answer["faults"] == 2
    assert answer["the same supervisor"]
    assert answer["by another supervisor"] == "1\n"
