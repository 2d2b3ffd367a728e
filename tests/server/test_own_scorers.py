"""A scorer of one's own that answers what is no reward, or breaks: an item at a time, alike whichever way it came."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine import SandboxError
from rewards import NotJudged, Reward, RewardClient
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, StartDaemon

pytestmark = [pytest.mark.kernel, pytest.mark.server, no_slot_in_it]

ROOT = Path(__file__).parents[2]
ODD = """
ANSWERS = {
    "nan": {"reward": float("nan")},
    "none": {"reward": None},
    "text": {"reward": "abc"},
    "list": [1],
    "object": {"reward": 1.0, "why": object()},
    "large": {"reward": 1.0, "why": 1 << 70},
    "huge": {"reward": 10**400},
}

class Odd:
    kind = "odd"
    runs_programs = False
    def parse(self, item):
        return item.get("how")
    async def score(self, how, engine, *, client, deadline_seconds):
        if how == "raises":
            raise KeyError("boom")
        return ANSWERS.get(how, {"reward": 0.5})
"""
HOW = ["nan", "none", "text", "list", "object", "large", "huge"]


@pytest.fixture(scope="module")
def odd(start_daemon: StartDaemon, tmp_path_factory: pytest.TempPathFactory) -> Daemon:
    place = tmp_path_factory.mktemp("odd")
    (place / "odd_scorer.py").write_text(ODD)
    return start_daemon(
        "--scorer", "odd_scorer:Odd", environment={**os.environ, "PYTHONPATH": f"{ROOT}:{place}"}, slots=1
    )


def item(how: str = "") -> dict[str, Any]:
    return {"kind": "odd", "how": how}


def is_told(reward: Reward | NotJudged) -> bool:
    return isinstance(reward, NotJudged) and reward.reason.startswith("the scorer of kind 'odd' is at fault: ")


@pytest.mark.parametrize("face", ["unix", "http"])
async def test_what_is_no_reward_is_a_fault_of_its_item_alone(odd: Daemon, face: str) -> None:
    items = [item(), *map(item, HOW), item()]
    async with RewardClient(odd.address if face == "unix" else odd.http) as client:
        for rewards in (await client.score_many(items), await client.score_batch(items)):
            assert [type(reward) for reward in rewards] == [Reward, *[NotJudged] * len(HOW), Reward]
            assert all(map(is_told, rewards[1:-1])), rewards
    async with odd.client(face) as client:
        with pytest.raises(SandboxError, match="reward nan: expected a finite number, or None with"):
            await client.score(item("nan"))


def test_it_is_told_of_each_in_a_list_and_in_lines(odd: Daemon) -> None:
    items = [item(), *map(item, HOW), item()]
    status, listed = odd.post("/v1/score", items)
    assert (status, [answer["reward"] for answer in listed]) == (200, [0.5, *[None] * len(HOW), 0.5])
    assert all("is at fault" in answer["not_judged"] for answer in listed[1:-1])
    status, text = odd.post("/v1/score", items, Accept="application/x-ndjson")
    assert status == 200
    answers = {line["index"]: line for line in map(json.loads, text.splitlines())}
    assert [("error" in answers[index]) for index in range(len(items))] == [False, *[True] * len(HOW), False]


def test_an_exception_amid_the_lines_is_logged(odd: Daemon) -> None:
    with odd.http_connect() as connection:
        body = json.dumps([item(), item("raises")]).encode()
        head = "POST /v1/score HTTP/1.1\r\nhost: localhost\r\naccept: application/x-ndjson\r\ncontent-length:"
        connection.sendall(f"{head} {len(body)}\r\n\r\n".encode() + body)
        while connection.recv(65536):
            pass
    odd.wait_logged("KeyError: 'boom'", 5)
