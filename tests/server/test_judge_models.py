"""A daemon, and `assay score` without one, that ask a judge model."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import BadInput
from rewards import JudgeEvidence, MathEvidence, NotJudged, Reward, RewardClient
from tests.server.conftest import ASSAY, Daemon, StartDaemon
from tests.support.runtimes import no_slot_in_it
from tests.support.scripted_judge import Asked, Says, by_reference, scripted_judge

pytestmark = [pytest.mark.kernel, pytest.mark.server]

JUDGE: dict[str, Any] = {"id": 1, "kind": "judge", "question": "What falls?", "reference": "an apple"}
RIGHT = {**JUDGE, "answer": "An Apple"}
WRONG = {**JUDGE, "completion": "\\boxed{a pear}"}
MATH: dict[str, Any] = {"kind": "math", "reference": "See the line in the figure.", "judge": True}
OPEN = {**MATH, "completion": "\\boxed{see the line in the figure.}"}
BROKEN = {**JUDGE, "answer": "something that breaks it"}
ITEMS = [RIGHT, WRONG, OPEN, BROKEN]
REWARDS = [1.0, 0.0, 1.0, None]


def script(asked: Asked) -> Says:
    return Says(status=400) if "breaks" in asked.answer else by_reference(asked)


def config(url: str) -> str:
    return f'[rewards.judge]\nbase_url = "{url}"\nmodel = "m"\n'


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def value(reward: Reward | NotJudged) -> float | None:
    return reward.reward if isinstance(reward, Reward) else None


@no_slot_in_it
@pytest.mark.parametrize("face", ["unix", "http"])
async def test_a_daemon_asks_its_judge(start_daemon: StartDaemon, face: str) -> None:
    async with scripted_judge(script) as server:
        daemon = start_daemon(slots=1, config=config(server.url))
        async with RewardClient(daemon.address if face == "unix" else daemon.http) as client:
            rewards = await client.score_many(ITEMS * 3)
            assert [value(reward) for reward in await client.score_batch(ITEMS)] == REWARDS
    assert [value(reward) for reward in rewards] == REWARDS * 3
    right, _, open_one, broken = rewards[:4]
    assert isinstance(right, Reward)
    assert isinstance(right.evidence, JudgeEvidence)
    assert right.evidence.judge is not None
    assert right.evidence.judge.model == "m"
    assert isinstance(open_one, Reward)
    assert isinstance(open_one.evidence, MathEvidence)
    assert open_one.evidence.how == "judge"
    assert isinstance(broken, NotJudged)
    assert "HTTP 400" in broken.reason
    assert daemon.stop() == 0
    assert "HTTP Request" not in daemon.log.read_text()


@no_slot_in_it
async def test_a_daemon_without_a_judge_says_so(daemon: Daemon) -> None:
    async with RewardClient(daemon.address) as client:
        for item, field in ((RIGHT, "kind"), (OPEN, "judge")):
            with pytest.raises(BadInput, match="no judge model is configured here") as caught:
                await client.score(item)
            assert caught.value.field == field


@no_slot_in_it
def test_a_judge_that_cannot_be_is_told_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "assay.toml"
    path.write_text('[rewards.judge]\nbase_url = "http://h/v1"\nmodel = "m"\napi_key_env = "NOT_THERE"\n')
    command = [*ASSAY, "serve", "--config", str(path), "--socket", str(tmp_path / "s"), "--no-http"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "api_key_env 'NOT_THERE'" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_file_is_scored_with_a_judge(tmp_path: Path, assay_score: Callable[..., Any]) -> None:
    async with scripted_judge(script) as server:
        (tmp_path / "assay.toml").write_text(config(server.url))
        done, lines = await assay_score(ITEMS, "--slots", "1", "--config", str(tmp_path / "assay.toml"))
    assert done.returncode == 3, done.stderr
    assert [line["reward"] for line in lines] == REWARDS


async def test_a_file_is_refused_without_a_judge(assay_score: Callable[..., Any]) -> None:
    done, _ = await assay_score([RIGHT], "--slots", "1")
    assert done.returncode == 2
    assert "line 1: kind 'judge': no judge model is configured here" in done.stderr


async def test_a_daemon_alone_knows_whether_it_has_a_judge(daemon: Daemon, assay_score: Callable[..., Any]) -> None:
    done, lines = await assay_score([OPEN, {**OPEN, "judge": False}], "--socket", str(daemon.path))
    assert done.returncode == 3
    assert "refused: judge True: no judge model" in lines[0]["not_judged"]
    assert "undecided" in lines[1]["not_judged"]


@pytest.fixture
def assay_score(tmp_path: Path) -> Callable[..., Any]:
    """`assay score` of some items beside this event loop: its process, and the lines that it wrote."""

    async def score(items: list[dict[str, Any]], *options: str) -> tuple[subprocess.CompletedProcess[str], list[Any]]:
        path, out = tmp_path / "items.jsonl", tmp_path / "rewards.jsonl"
        path.write_text("".join(json.dumps(item) + "\n" for item in items))
        command = [*ASSAY, "score", str(path), "-o", str(out), *options]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
        return done, [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []

    return score
