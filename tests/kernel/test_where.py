"""The rows of the table in docs/where-it-runs.md that this machine can be put into, each with a real user."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.accounts import SUB_IDS, Account, account
from tests.support.traces import wait_until_nothing

pytestmark = pytest.mark.kernel

START_SECONDS = 20.0
CLEAN_SECONDS = 2.0


VERDICTS = {
    "who": "ACCEPTED",
    "touches the keeper": "ACCEPTED",
    "looks": "ACCEPTED",
    "spins": "TIME_LIMIT",
    "eats memory": "MEMORY_LIMIT",
    "forks": "RUNTIME_ERROR",
    "fills the disk": "RUNTIME_ERROR",
    "reaches out": "RUNTIME_ERROR",
    "is right": "ACCEPTED",
}


@pytest.fixture(params=["subuid", "one uid"])
def sub_ids(request: pytest.FixtureRequest) -> bool:
    if request.param == "subuid" and shutil.which("newuidmap") is None:
        pytest.skip("needs newuidmap (Debian's uidmap)")
    return bool(request.param == "subuid")


@pytest.fixture
def user(sub_ids: bool) -> Iterator[Account]:
    with account(sub_ids=sub_ids, groups=True) as made:
        yield made


@pytest.fixture
def user_without_groups(sub_ids: bool) -> Iterator[Account]:
    with account(sub_ids=sub_ids, groups=False) as made:
        yield made


def said(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def verdicts(answer: dict[str, Any]) -> dict[str, str]:
    return {name: answer[name][0] for name in VERDICTS}


def test_every_limit_bites_without_root(user: Account) -> None:
    answer = said(user.command())
    assert answer["faults"] == 0
    assert verdicts(answer) == VERDICTS
    assert answer["not enforced"] == []
    assert "Resource temporarily unavailable" in answer["forks"][2]
    assert "Connection refused" in answer["reaches out"][2]
    assert answer["is right"][1] == "hello\n"


def test_a_program_has_the_same_user_and_no_rights_anywhere(user: Account) -> None:
    answer = said(user.command())
    uid, capabilities = answer["who"][1].splitlines()
    assert uid.startswith("1000 1000 ")
    assert int(capabilities, 16) == 0
    assert answer["touches the keeper"][1] == "done\n"
    assert answer["looks"][1] == "False 0 True\n"


def test_the_row_is_told(user: Account) -> None:
    answer = said(user.command())
    first, last = map(int, answer["facts"]["uids"].split("-"))
    if answer["place"].startswith("ordinary user with subuid"):
        assert first in SUB_IDS
        assert last in SUB_IDS
    else:
        assert answer["place"].startswith("ordinary user with one uid only")
        assert (first, last) == (user.uid, user.uid)


@pytest.mark.parametrize("sub_ids", ["subuid"], indirect=True)
def test_a_helper_that_has_no_rights_is_named(user: Account) -> None:
    refused = said(["setpriv", "--no-new-privs", *user.command()])["refused"]
    assert "write the user map by /usr/bin/newuidmap: " in refused


def test_without_control_groups_it_starts_only_if_that_is_allowed(user_without_groups: Account) -> None:
    refused = said(user_without_groups.command())["refused"]
    assert "cgroup" in refused
    assert "Delegate=yes" in refused
    assert "--allow-degraded" in refused


def test_without_control_groups_limits_hold_for_each_process(user_without_groups: Account) -> None:
    answer = said(user_without_groups.command("degraded"))
    assert answer["facts"]["cgroup"] == "none"
    assert answer["faults"] == 0
    # So says every reply.
    assert answer["not enforced"] == ["cpu", "cpus", "memory"]
    # Past its memory an allocation fails: nothing shows whether a program meant to ask for so much.
    assert verdicts(answer) == VERDICTS | {"eats memory": "RUNTIME_ERROR"}
    assert "MemoryError" in answer["eats memory"][2]
    assert "Resource temporarily unavailable" in answer["forks"][2]


def test_a_killed_engine_leaves_nothing(user: Account) -> None:
    process = subprocess.Popen(user.command("wait"), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())["facts"]
        owners = {user.uid, *range(*_span(facts["uids"]))}
        wait_until_nothing(lambda: [] if len(_processes(owners)) >= 6 else ["not under way"], START_SECONDS)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_until_nothing(lambda: [*_processes(owners), *_groups(user)], CLEAN_SECONDS)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _span(text: str) -> tuple[int, int]:
    first, last = map(int, text.split("-"))
    return first, last + 1


def _groups(user: Account) -> list[str]:
    return [str(path) for group in user.groups for path in group.glob("assay-[0-9]*")]


def _processes(owners: set[int]) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                status = (entry / "status").read_text().splitlines()
                uids = next(line.split()[1:] for line in status if line.startswith("Uid:"))
                if owners.intersection(map(int, uids)) and "State:\tZ" not in "\n".join(status):
                    found.append(f"{entry.name} {status[0]}")
    return found
