"""A daemon on a machine where a limit does not bite: refuses, or says so on every face."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Client, Program
from rewards import Reward, RewardClient
from tests.server.conftest import Daemon, StartDaemon

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.server,
    pytest.mark.native_only("a container is used once, so that what is taken away from it does not last"),
]

DEGRADED = (sys.executable, "-m", "tests.support.degraded_daemon", "memory")
CODE = {"kind": "code", "completion": "```python\nprint(input())\n```", "tests": [{"stdin": "1", "expected": "1"}]}
MATH = {"kind": "math", "completion": "\\boxed{42}", "reference": "42"}
NAMES = ["memory"]


@pytest.fixture(scope="module")
def degraded(start_daemon: StartDaemon) -> Iterator[Daemon]:
    daemon = start_daemon("--allow-degraded", slots=1, command=DEGRADED)
    yield daemon
    daemon.stop()


def test_without_leave_it_does_not_start() -> None:
    with tempfile.TemporaryDirectory() as place:
        command = [*DEGRADED, "serve", "--socket", f"{place}/a.sock", "--no-http", "--slots", "1"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 1
        assert ended.stdout == ""
        assert ended.stderr.startswith("assay serve: not enforced here: memory (64 MiB were taken: ")
        assert ended.stderr.endswith("--allow-degraded\n")
        assert ended.stderr.count("\n") == 1
        assert list(Path(place).iterdir()) == []


def test_its_first_lines(degraded: Daemon, daemon: Daemon) -> None:
    assert " · not enforced: memory\n" in degraded.ready
    assert " · every limit proved\n" in daemon.ready


def test_its_pages(degraded: Daemon, daemon: Daemon) -> None:
    assert degraded.get("/readyz") == (200, "ready, not enforced: memory\n")
    assert daemon.get("/readyz") == (200, "ready, every limit proved\n")
    assert degraded.stats()["not_enforced"] == NAMES
    assert daemon.stats()["not_enforced"] == []
    for page, value in ((degraded.get("/metrics")[1], 0), (daemon.get("/metrics")[1], 1)):
        assert f'assay_limit_enforced{{limit="memory"}} {value}\n' in page
        assert 'assay_limit_enforced{limit="processes"} 1\n' in page


def test_http(degraded: Daemon, daemon: Daemon) -> None:
    assert degraded.post("/v1/run", {"source": "print(1)"})[1]["not_enforced"] == NAMES
    assert daemon.post("/v1/run", {"source": "print(1)"})[1]["not_enforced"] == []
    for item in (CODE, MATH):
        assert degraded.post("/v1/score", item)[1]["not_enforced"] == NAMES
        assert "not_enforced" not in daemon.post("/v1/score", item)[1]
    listed = degraded.post("/v1/score", [CODE, MATH])[1]
    assert [answer["not_enforced"] for answer in listed] == [NAMES, NAMES]


def test_run_code(degraded: Daemon, daemon: Daemon) -> None:
    asked = {"code": "print(1)", "language": "python"}
    assert degraded.post("/run_code", asked)[1]["message"] == "not enforced: memory"
    assert daemon.post("/run_code", asked)[1]["message"] == ""


def test_frames(degraded: Daemon, daemon: Daemon) -> None:
    with degraded.connect() as client:
        assert client.ask(id=0, op="hello", version=1)["answer"]["limits"] == "not enforced: memory"
        assert client.ask(id=1, op="run", source="print(1)")["answer"]["not_enforced"] == NAMES
        assert client.ask(id=2, op="score", item=CODE)["answer"]["not_enforced"] == NAMES
        assert client.ask(id=3, op="stats")["answer"]["not_enforced"] == NAMES
    with daemon.connect() as client:
        assert client.ask(id=0, op="hello", version=1)["answer"]["limits"] == "every limit proved"
        assert client.ask(id=1, op="run", source="print(1)")["answer"]["not_enforced"] == []


@pytest.mark.parametrize("face", ["unix", "http"])
async def test_the_clients(degraded: Daemon, face: str) -> None:
    address = degraded.address if face == "unix" else str(degraded.http)
    async with Client(address) as client:
        assert (await client.run(Program("print(1)"))).not_enforced == ("memory",)
    async with RewardClient(address) as rewards:
        items: list[dict[str, Any]] = [CODE, MATH]
        for reward in await rewards.score_many(items):
            assert isinstance(reward, Reward)
            assert (reward.reward, reward.not_enforced) == (1.0, ("memory",))
