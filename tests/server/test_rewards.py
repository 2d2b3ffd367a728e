"""Rewards from a daemon, through both faces, and the commands that use one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import BadInput
from rewards import NotJudged, Reward, RewardClient
from tests.server.conftest import ASSAY, Daemon, Marked, StartDaemon
from tests.support.evidence import failure_of
from tests.support.runtimes import no_slot_in_it

pytestmark = [pytest.mark.kernel, pytest.mark.server]

ROOT = Path(__file__).parents[2]
RIGHT: dict[str, Any] = {
    "id": "right",
    "kind": "code",
    "completion": "```python\nprint(sum(map(int, input().split())))\n```",
    "tests": [{"stdin": "1 2\n", "expected": "3\n"}],
}
WRONG = {**RIGHT, "id": "wrong", "completion": "print(4)"}
MATH = {"id": 7, "kind": "math", "completion": "\\boxed{42}", "reference": "42"}
UNDECIDED = {**MATH, "id": "undecided", "reference": "See the figure."}
ITEMS = [RIGHT, WRONG, MATH, UNDECIDED]
REWARDS = [1.0, 0.0, 1.0, None]


def value(reward: Reward | NotJudged) -> float | None:
    return reward.reward if isinstance(reward, Reward) else None


@pytest.mark.parametrize("face", ["unix", "http"])
async def test_many_rewards_come_in_order(daemon: Daemon, face: str) -> None:
    assert daemon.http
    async with RewardClient(daemon.address if face == "unix" else daemon.http) as client:
        rewards = await client.score_many(ITEMS * 5)
        assert [value(reward) for reward in rewards] == REWARDS * 5
        assert isinstance(rewards[1], Reward)
        assert failure_of(rewards[1]).got == "4\n"
        assert isinstance(rewards[3], NotJudged)
        assert {index: value(reward) async for index, reward in client.stream(ITEMS)} == dict(enumerate(REWARDS))
        assert value(await client.score(RIGHT)) == 1.0


GUESS = """
import sys
secret = int(open(sys.argv[1]).read())
for line in sys.stdin:
    print("=" if int(line) == secret else "<>"[int(line) < secret], flush=True)
    if int(line) == secret:
        sys.exit(0)
sys.exit(1)
"""
UP = "```python\nn = 1\nprint(n, flush=True)\nwhile input() != '=':\n    n += 1\n    print(n, flush=True)\n```"


@pytest.mark.parametrize("face", ["unix", "http"])
async def test_a_judge_that_talks_comes_over_every_wire(daemon: Daemon, face: str) -> None:
    judge = {"source": GUESS, "language": "python", "interactive": True, "files": {"bytes.bin": b"\xff"}}
    item = {"kind": "code", "completion": UP, "tests": [{"stdin": b"7", "expected": b"7"}], "judge": judge}
    async with RewardClient(daemon.address if face == "unix" else daemon.http or "") as client:
        assert value(await client.score(item)) == 1.0
        wrong = await client.score({**item, "completion": "print(3)"})
        assert value(wrong) == 0.0
        assert failure_of(wrong).got == "3\n"
        with pytest.raises(BadInput, match=r"judge.interactive"):
            await client.score({**item, "judge": {**judge, "interactive": 2}})


def test_the_same_without_await(daemon: Daemon) -> None:
    with RewardClient.sync(daemon.address) as client:
        assert [value(reward) for reward in client.score_many(ITEMS)] == REWARDS
        assert {index: value(reward) for index, reward in client.stream(ITEMS)} == dict(enumerate(REWARDS))
        for index, _ in client.stream(ITEMS * 10):
            if index > 5:
                break
        assert value(client.score(MATH)) == 1.0
        client.close()


@no_slot_in_it
async def test_a_wrong_item_names_its_index_field_and_value(daemon: Daemon) -> None:
    async with RewardClient(daemon.address) as client:
        with pytest.raises(BadInput) as caught:
            await client.score_many([RIGHT, {**RIGHT, "tests": [{"stdin": ""}]}])
        assert caught.value.field == "[1].tests[0].expected"
        with pytest.raises(BadInput) as caught:
            await client.score({**MATH, "kind": "maths"})
        assert (caught.value.field, caught.value.value) == ("kind", "maths")


async def test_a_daemon_that_is_not_there_gives_no_verdict(tmp_path: Path) -> None:
    async with RewardClient(f"unix://{tmp_path}/none.sock") as client:
        reward = await client.score(RIGHT)
    assert isinstance(reward, NotJudged)
    assert "assay serve" in reward.reason


@no_slot_in_it
async def test_a_wrong_path_is_the_addresss_fault_and_no_items(daemon: Daemon) -> None:
    async with RewardClient(f"{daemon.http}/t/secret/v1") as client:
        for rewards in (await client.score_many([MATH]), await client.score_batch([MATH]), [await client.score(MATH)]):
            [reward] = rewards
            assert isinstance(reward, NotJudged)
            assert "/t/.../v1/v1/score: the daemon refuses this client: path" in reward.reason


async def test_a_deadline_is_not_judged(daemon: Daemon) -> None:
    slow = {**RIGHT, "completion": "import time\ntime.sleep(1)\nprint(3)"}
    async with RewardClient(daemon.address, deadline_seconds=0.5) as client:
        rewards = await client.score_many([slow] * 6)
    # The daemon has two slots.
    assert [value(reward) for reward in rewards] == [1.0] * 2 + [None] * 4
    assert ["deadline" in reward.reason for reward in rewards if isinstance(reward, NotJudged)] == [True] * 4


@no_slot_in_it
async def test_an_overloaded_daemon_is_asked_again(start_daemon: StartDaemon) -> None:
    small = start_daemon(slots=1, config="[engine]\nqueue_runs = 2\n")
    async with RewardClient(small.address) as client:
        rewards = await client.score_many([RIGHT] * 10)
    assert [value(reward) for reward in rewards] == [1.0] * 10
    assert small.stats()["refused"] > 0


@no_slot_in_it
async def test_without_patience_an_overloaded_daemon_is_not_asked_again(
    start_daemon: StartDaemon, marked: Marked
) -> None:
    small = start_daemon(slots=1, config="[engine]\nqueue_runs = 2\n")
    with small.connect() as full:
        for number in range(3):
            full.send(id=number, op="run", source=marked.source, language="bash")
        await asyncio.to_thread(small.wait_for, running=1, queued=2)
        async with RewardClient(small.address, patience_seconds=0.0) as client:
            rewards = await client.score_many([RIGHT] * 40)
    assert ["queue is full" in reward.reason for reward in rewards if isinstance(reward, NotJudged)] == [True] * 40


def assay(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ASSAY, *arguments], capture_output=True, text=True, timeout=100, check=False)


def written(path: Path, items: list[Any]) -> Path:
    path.write_text("".join(f"{item if isinstance(item, str) else json.dumps(item)}\n" for item in items))
    return path


@pytest.mark.parametrize("where", ["socket", "http", "here"])
def test_a_file_is_scored_in_order(daemon: Daemon, tmp_path: Path, where: str) -> None:
    path = written(tmp_path / "items.jsonl", [*ITEMS, ""])
    place = {"socket": ("--socket", str(daemon.path)), "http": ("--http", str(daemon.http)), "here": ("--slots", "2")}
    done = assay("score", str(path), "-o", str(tmp_path / "rewards.jsonl"), *place[where])
    assert done.returncode == 3, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "rewards.jsonl").read_text().splitlines()]
    assert [(line["id"], line["reward"]) for line in lines] == [
        ("right", 1.0),
        ("wrong", 0.0),
        (7, 1.0),
        ("undecided", None),
    ]
    assert lines[0]["verdict"] == "ACCEPTED"
    assert lines[1]["failure"]["got"] == "4\n"
    assert "undecided" in lines[3]["not_judged"]
    assert "ACCEPTED" in done.stdout
    assert "not judged" in done.stdout


def test_a_file_of_judged_items_ends_with_0(daemon: Daemon, tmp_path: Path) -> None:
    path = written(tmp_path / "items.jsonl", [RIGHT, MATH])
    done = assay("score", str(path), "-o", "-", "--socket", str(daemon.path))
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["reward"] for line in done.stdout.splitlines()] == [1.0, 1.0]
    assert "mean reward" in done.stderr


@no_slot_in_it
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({**RIGHT, "tests": [{"stdin": 5, "expected": ""}]}, "line 3: tests[0].stdin 5:"),
        ({**RIGHT, "language": "klingon"}, "line 3: language 'klingon':"),
        ({**MATH, "kind": "maths"}, "line 3: kind 'maths':"),
        ("[1]", "line 3: item [1]:"),
        ("{broken", "line 3: body"),
    ],
)
def test_a_wrong_line_is_refused_before_anything_runs(
    daemon: Daemon, tmp_path: Path, line: object, message: str
) -> None:
    before = daemon.stats()["runs"]
    path = written(tmp_path / "items.jsonl", [RIGHT, RIGHT, line])
    done = assay("score", str(path), "-o", str(tmp_path / "out"), "--socket", str(daemon.path))
    assert done.returncode == 2
    assert message in done.stderr
    assert daemon.stats()["runs"] == before
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_scored_is_one_line(tmp_path: Path, closed_port: str) -> None:
    path = written(tmp_path / "items.jsonl", [RIGHT])
    for arguments, code, message in (
        ((str(tmp_path / "none.jsonl"),), 2, "no such file"),
        ((str(path), "--socket", str(tmp_path / "none.sock")), 1, "assay serve"),
        ((str(path), "--http", f"http://{closed_port}"), 1, closed_port),
        ((str(path), "-o", str(tmp_path / "no" / "out"), "--slots", "1"), 1, "No such file"),
    ):
        done = assay("score", *arguments)
        assert done.returncode == code, done.stderr
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "Traceback" not in done.stderr


def test_the_command_tells_its_version() -> None:
    assert assay("--version").stdout.startswith("assay 0.")
    for command in ("serve", "score", "run", "doctor"):
        assert command in assay("--help").stdout


def test_the_demo_agrees_with_its_sample(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assay", "demo", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "daemon ready" in done.stdout
    assert "77 of 77" in done.stdout
    assert "daemon stopped, exit code 0" in done.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_ended_stops_its_daemon(tmp_path: Path, number: signal.Signals, code: int) -> None:
    command = [sys.executable, "-m", "assay", "demo", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        ready = next(line for line in demo.stdout if "daemon ready" in line)
        demo.send_signal(number)
        said = demo.stdout.read()
    assert demo.returncode == code, said
    socket = ready.split()[-1]
    assert not [process for process in Path("/proc").glob("[0-9]*") if socket in command_line(process)]


def command_line(process: Path) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return (process / "cmdline").read_text(errors="replace")
    return ""


OWN_SCORER = """
from engine import Program
from engine.errors import BadInput

class Runs:
    kind = "runs"
    def parse(self, item):
        if not isinstance(item.get("source"), str):
            raise BadInput("source", item.get("source"), "expected text")
        return Program(item["source"])
    async def score(self, parsed, engine, *, client, deadline_seconds):
        outcome = await engine.run(parsed, client=client, deadline_seconds=deadline_seconds)
        return {"reward": 1.0 if outcome.clean else 0.0, "exit_code": outcome.exit_code}
"""


@pytest.mark.parametrize("where", ["daemon", "here"])
def test_a_scorer_of_ones_own(tmp_path: Path, where: str) -> None:
    (tmp_path / "own.py").write_text(OWN_SCORER)
    items = [{"kind": "runs", "id": number, "source": f"raise SystemExit({number})"} for number in range(2)]
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    score = [*ASSAY, "score", str(path), "-o", "rewards.jsonl"]
    with contextlib.ExitStack() as stack:
        if where == "daemon":
            socket = tmp_path / "s"
            command = [*ASSAY, "serve", "--socket", str(socket), "--no-http", "--scorer", "own:Runs"]
            daemon = stack.enter_context(
                subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(daemon.terminate)
            assert daemon.stdout is not None
            assert "ready" in daemon.stdout.readline()
            score += ["--socket", str(socket)]
        else:
            score += ["--slots", "1", "--scorer", "own:Runs"]
        done = subprocess.run(score, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in (tmp_path / "rewards.jsonl").read_text().splitlines()]
        assert answers == [{"id": 0, "reward": 1.0, "exit_code": 0}, {"id": 1, "reward": 0.0, "exit_code": 1}]
        path.write_text('{"kind": "runs", "source": 7}\n')
        done = subprocess.run(score, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        # Only the daemon knows that it is wrong, and the other lines of the file may be right.
        assert (done.returncode, "source 7: expected text" in done.stdout + done.stderr) == (
            3 if where == "daemon" else 2,
            True,
        )
