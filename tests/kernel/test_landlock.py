"""The runtime without namespaces, under a real ordinary user who may make none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, EngineConfig, Program, Verdict
from engine.errors import BadInput
from engine.machine.place import landlock_abi
from tests.support import older_landlock
from tests.support.accounts import Account, account
from tests.support.traces import children, name_of, wait_until_nothing
from tests.support.user_namespaces import mapped_namespace

NEEDED_ABI = 4
pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(landlock_abi() < NEEDED_ABI, reason=f"needs Landlock with ABI {NEEDED_ABI}"),
]

# Where Landlock keeps signals inside, and where each has to be asked for.
KERNELS = pytest.mark.parametrize(
    "kernel",
    [
        pytest.param([], id="this kernel"),
        pytest.param([sys.executable, older_landlock.__file__], id="before 6.12", marks=pytest.mark.thorough),
    ],
)
ROOT = Path(__file__).parents[2]
MODULE = "tests.support.confined_user"
START_SECONDS = 20.0
CLEAN_SECONDS = 4.0
VERDICTS = {
    "is right": "ACCEPTED",
    "spins": "TIME_LIMIT",
    "leaves daemons": "ACCEPTED",
    "leaves nasty files": "ACCEPTED",
    "looks for them": "ACCEPTED",
    "signals its own": "ACCEPTED",
    "forks": "TIME_LIMIT",
    "hides its time": "TIME_LIMIT",
    "eats memory": "MEMORY_LIMIT",
    "eats memory in children": "MEMORY_LIMIT",
    "shares memory": "ACCEPTED",
    "fills the disk": "RUNTIME_ERROR",
    "fills it unseen": "RUNTIME_ERROR",
    "eats without its first thread": "MEMORY_LIMIT",
    "fills it behind a closed door": "RUNTIME_ERROR",
    "fills it by mapping": "RUNTIME_ERROR",
    "reaches out": "RUNTIME_ERROR",
}


@pytest.fixture
def user() -> Iterator[Account]:
    with account(sub_ids=False, groups=False) as made:
        yield made


@contextlib.contextmanager
def no_namespaces() -> Iterator[list[str]]:
    """What to put before a command, so that it runs where no user namespace may be made.

    The knob is one of each user namespace, so this is one with the machine's own ids.
    """
    with mapped_namespace(0) as enter:
        yield [*enter, "sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "sh"]


def said(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@KERNELS
def test_walls_and_limits_of_an_ordinary_user(user: Account, kernel: list[str]) -> None:
    with no_namespaces() as prefix:
        answer = said([*kernel, *prefix, *user.command(module=MODULE)])
    assert answer["namespace"] is False
    assert "no user namespaces: refused" in answer["native"]
    assert "--runtime landlock" in answer["native"]
    assert answer["facts"]["runtime"] == "landlock"
    assert answer["facts"]["uids"] == f"{user.uid}-{user.uid}"
    assert answer["attacks"] == ["done\n", "", "True kept"]
    assert {name: answer[name][0] for name in VERDICTS} == VERDICTS
    assert answer["is right"][1] == "hello\n"
    assert answer["signals its own"][1] == "-15\n-9\nheard\n"
    assert answer["looks for them"][1] == "['main.py'] []\n"
    assert answer["not enforced"] == ["cpu", "cpus", "disk", "memory"]
    assert answer["refused"] == "files"
    assert answer["faults"] == 0
    assert answer["left"] == []


@KERNELS
def test_with_the_rights_of_a_container(tmp_path: Path, kernel: list[str]) -> None:
    for directory in (tmp_path, *tmp_path.parents[:3]):
        directory.chmod(0o755)
    (tmp_path / "state").mkdir()
    command = [sys.executable, "-m", "tests.support.container_rights", sys.executable, "-m", MODULE]
    answer = said([*kernel, *command, str(tmp_path / "state")])
    assert answer["namespace"] is False
    first, last = map(int, answer["facts"]["uids"].split("-"))
    assert 0 < first < last
    assert answer["attacks"] == ["done\n", "", "True kept"]
    assert {name: answer[name][0] for name in VERDICTS} == VERDICTS
    assert answer["not enforced"] == ["cpu", "cpus", "disk", "memory"]
    assert answer["faults"] == 0
    assert answer["left"] == []


@KERNELS
@pytest.mark.parametrize("who", ["engine", "supervisor", "warden", "keeper"])
def test_whoever_is_killed_no_program_lives_on(user: Account, who: str, kernel: list[str]) -> None:
    process = subprocess.Popen([*kernel, *user.command("wait", module=MODULE)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())["facts"]
        wait_until_nothing(lambda: [] if len(_programs(user.uid)) >= 4 else ["not under way"], START_SECONDS)
        keeper = int(facts["keeper_pids"].split()[0])
        supervisor = int(facts["supervisor_pid"])
        wardens = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        pids = {"engine": process.pid, "supervisor": supervisor, "warden": int(wardens[0]), "keeper": keeper}
        before = set(_programs(user.uid))
        os.kill(pids[who], signal.SIGKILL)
        if who in ("engine", "supervisor"):
            wait_until_nothing(lambda: _programs(user.uid), CLEAN_SECONDS)
        else:
            # Of that slot; what the engine runs again in its place is new.
            wait_until_nothing(
                lambda: ["all are left"] if len(before & set(_programs(user.uid))) > 2 else [], CLEAN_SECONDS
            )
        if who == "engine":
            wait_until_nothing(lambda: _processes(user.uid), CLEAN_SECONDS)
            wait_until_nothing(lambda: [path.name for path in user.place.glob("assay-*")], CLEAN_SECONDS)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        wait_until_nothing(lambda: _processes(user.uid), CLEAN_SECONDS)


async def test_a_new_supervisor_waits_until_the_last_one_s_wardens_have_ended(tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents[:3]):
        directory.chmod(0o755)
    program = Program("open('kept', 'w').close(); print(1)")
    config = EngineConfig(runtime="landlock", state_dir=str(tmp_path / "state"), scratch_dir=str(tmp_path))
    async with Engine(slots=1, config=config) as engine:
        supervisor = int(engine.facts()["supervisor_pid"])
        [warden] = [pid for pid in children(supervisor) if name_of(pid) == "assay-warden"]
        os.kill(warden, signal.SIGSTOP)
        os.kill(supervisor, signal.SIGKILL)
        try:
            run = asyncio.create_task(engine.run(program))
            done, _ = await asyncio.wait([run], timeout=0.5)
            assert not done
        finally:
            os.kill(warden, signal.SIGCONT)
        assert (await run).stdout == b"1\n"
        wait_until_nothing(lambda: [str(warden)] if Path(f"/proc/{warden}").exists() else [], CLEAN_SECONDS)
        faults = engine.stats().faults
        for _ in range(3):
            assert (await engine.run(program)).verdict is Verdict.ACCEPTED
        assert engine.stats().faults == faults
    assert os.listdir(tmp_path) == ["state"]  # noqa: PTH208


def test_what_it_cannot_show_is_refused_by_name() -> None:
    with pytest.raises(BadInput) as caught:
        EngineConfig(runtime="landlock", rootfs="/images/python")
    assert (caught.value.field, caught.value.value) == ("rootfs", "/images/python")
    with pytest.raises(BadInput) as caught:
        EngineConfig(runtime="landlock", images={"old": "/images/old"})
    assert caught.value.field == "images.old"


def _programs(uid: int) -> list[str]:
    return [line for line in _processes(uid) if "main.py" in line]


def _processes(uid: int) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                status = (entry / "status").read_text()
                if f"\nUid:\t{uid}\t" in status and "State:\tZ" not in status:
                    command = (entry / "cmdline").read_text().replace("\0", " ")
                    found.append(f"{entry.name} {command}")
    return found
