"""Clients work where nothing of the server is installed, and where Linux is not, which is only acted here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.canned_daemon import canned_daemon

# What other systems and the distribution assay-client lack, taken away before anything of ours is imported. What the
# standard library and httpx choose by system is chosen before.
ELSEWHERE: Final = """
import asyncio, contextlib, functools, io, json, os, signal, socket, sys
import anyio._backends._asyncio, httpx, rich.console, rich.progress
absent = ["engine._native", "httptools", "uvloop"]
if sys.argv[1] == "win32":
    absent += ["fcntl", "grp", "pwd", "resource", "termios"]
    socket.socketpair = functools.partial(socket.socketpair, socket.AF_UNIX)
    del os.geteuid, os.getuid, os.sysconf, socket.AF_UNIX, asyncio.open_unix_connection, signal.SIGKILL, signal.SIGPIPE
if sys.argv[1] != "linux":
    del os.sched_getaffinity
for name in absent:
    sys.modules[name] = None
sys.platform = sys.argv[1]
"""
CLIENTS: Final = """
from assay import BadInput, Client, Limits, NotJudged, Program, Reward, RewardClient, SyncClient
url, items = sys.argv[2], json.loads(sys.argv[3])
try:
    Client("127.0.0.1:8080")
except BadInput as error:
    print(error)
async def scored():
    async with RewardClient(url) as client:
        return await client.score_many(items)
print([reward.reward for reward in asyncio.run(scored())])
with RewardClient.sync(url) as client:
    print([reward.reward for reward in client.score_many(items)])
assert not {"engine.engine", "engine.pool", "engine.server", "rewards.cli"} & set(sys.modules)
"""
COMMANDS: Final = """
from engine.cli.main import main
for words in json.loads(sys.argv[2]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            code = main(words)
        except SystemExit as exited:
            code = exited.code
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""
ITEMS: Final = [{"kind": "math", "completion": answer, "reference": "42"} for answer in ("42", "41")]
systems = pytest.mark.parametrize("system", ["linux", "darwin", "win32"])


def elsewhere(system: str, code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", ELSEWHERE + code, system, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def commands(system: str, *words: list[str], before: str = "") -> list[Any]:
    """Exit code, stdout and stderr of each of these command lines."""
    return [json.loads(line) for line in elsewhere(system, before + COMMANDS, json.dumps(words)).splitlines()]


@pytest.fixture
def items(tmp_path: Path) -> str:
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    return str(path)


@systems
def test_the_clients_score_at_a_daemon(system: str) -> None:
    with canned_daemon() as url:
        said = elsewhere(system, CLIENTS, url, json.dumps(ITEMS))
    assert said.splitlines() == [
        "address '127.0.0.1:8080': expected unix:///path/to/socket, http://host:port or ray://",
        "[1.0, 0.0]",
        "[1.0, 0.0]",
    ]


@systems
def test_the_command_scores_at_a_daemon(system: str, items: str, tmp_path: Path) -> None:
    rewards = tmp_path / "rewards.jsonl"
    with canned_daemon() as url:
        score, version, shown = commands(
            system, ["score", items, "--http", url, "--out", str(rewards)], ["--version"], ["--help"]
        )
    assert score[0] == version[0] == shown[0] == 0, score
    assert [json.loads(line)["reward"] for line in rewards.read_text().splitlines()] == [1.0, 0.0]
    assert f"scoring at the daemon {url}" in score[2]
    assert version[1].startswith("assay")
    assert "score" in shown[1]


@systems
def test_what_runs_programs_says_in_one_sentence_what_is_missing(system: str, items: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("print(1)")
    no_engine = [["score", items, "--slots", "1"], ["run", str(program)], ["images"]]
    for code, out, err in commands(system, *no_engine):
        assert code in (1, 125)
        assert (out, err.count("\n")) == ("", 1)
        assert "the engine runs on Linux" in err
    for code, out, err in commands(system, ["serve"], ["bench", "slots"]):
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "needs uvloop, which is not installed here" in err
    ((code, out, err),) = commands(system, ["doctor"])
    assert (code, err) == (1, "")
    assert "runs on Linux" in out


def test_a_unix_socket_on_windows_is_told(items: str) -> None:
    said = "assay score: /assay.sock: no Unix sockets here, use an http:// address\n"
    assert commands("win32", ["score", items, "--socket", "/assay.sock"]) == [[1, "", said]]


def test_an_http_address_without_httpx_names_the_extra(items: str) -> None:
    asked = commands("linux", ["score", items, "--http", "http://127.0.0.1:1"], before="sys.modules['httpx'] = None\n")
    assert asked == [[1, "", "assay score: an http:// address needs httpx: pip install 'assay[http]'\n"]]
