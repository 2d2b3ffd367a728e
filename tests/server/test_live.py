"""What a daemon does now: the page, `assay top` and the statistics behind both."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine.client.client import SyncClient
from engine.program import Program
from rewards import SyncRewardClient

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.conftest import Daemon

pytestmark = [
    pytest.mark.server,
    pytest.mark.kernel,
    pytest.mark.crun_is_soak("nothing of it looks into the slots"),
]

UNDECIDED = {"kind": "math", "completion": "\\boxed{1}", "reference": "see the figure"}


@pytest.fixture
def busy(daemon: Daemon) -> Iterator[SyncClient]:
    """A client of which two programs sleep and one waits; one answer is not judged."""
    address = f"unix://{daemon.path}"
    with SyncClient(address) as client, SyncRewardClient(address) as rewards, ThreadPoolExecutor() as threads:
        rewards.score_batch([UNDECIDED])
        client.run(Program("print(1)"))
        sleepers = [threads.submit(client.run, Program("import time; time.sleep(60)")) for _ in range(3)]
        until = time.monotonic() + 10
        while (stats := client.stats())["running"] < 2 or stats["queued"] < 1:
            assert time.monotonic() < until, stats
            time.sleep(0.02)
        yield client
        client.close()
        for sleeper in sleepers:
            assert sleeper.exception() is not None


def test_statistics_say_what_runs_who_waits_and_what_was_answered(daemon: Daemon, busy: SyncClient) -> None:
    stats = busy.stats()
    run, other = stats["now"]["runs"]
    assert re.fullmatch(r"unix-\d+", run["client"])
    assert 0 <= run["seconds"] < 10
    assert run["memory_bytes"] + other["memory_bytes"] == stats["now"]["memory_set_aside_bytes"] == 128 << 20
    [waiting] = stats["now"]["waiting"]
    assert (waiting["client"], waiting["requests"], waiting["waits_for"]) == (run["client"], 1, "slots")
    minutes: list[dict[str, Any]] = stats["minutes"]
    assert sum(each["verdicts"].get("ACCEPTED", 0) for each in minutes) >= 1
    assert sum(each["not_judged"].get("undecided", 0) for each in minutes) >= 1
    assert stats["nodes"] == []
    assert httpx.get(f"{daemon.http}/v1/stats").json()["now"]["runs"][0]["client"] == run["client"]


def test_the_page_needs_nothing_from_elsewhere(daemon: Daemon) -> None:
    answer = httpx.get(f"{daemon.http}/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r"https?://[^\s\"']*", answer.text) == ["http://www.w3.org/2000/svg"]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium: apt-get install chromium")
def test_a_browser_shows_it(daemon: Daemon, busy: SyncClient, tmp_path: Path) -> None:
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    command += ["--virtual-time-budget=3000", "--dump-dom", f"{daemon.http}/"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    [client] = {run["client"] for run in busy.stats()["now"]["runs"]}
    assert re.search(rf"<td[^>]*>{client}</td>", shown)
    assert "<title>ACCEPTED" in shown
    assert re.search(r"<td[^>]*>undecided</td>", shown)
    assert re.search(r'id="state"[^>]*>up ', shown)


def top(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assay", "top", "--once", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_top_shows_the_same(daemon: Daemon, busy: SyncClient) -> None:
    ended = top("--connect", f"unix://{daemon.path}")
    assert (ended.returncode, ended.stderr) == (0, "")
    for word in ("2 of 2 slots in use, 1 waiting", "longest runs", "who waits", "slots", "ACCEPTED"):
        assert word in ended.stdout


def test_top_says_where_nobody_is(tmp_path: Path) -> None:
    ended = top("--connect", f"unix://{tmp_path}/nobody.sock")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("assay top: ")
    assert "nobody.sock" in ended.stderr
    assert ended.stderr.count("\n") == 1
