"""A batch of a trainer that asks by URL: one deadline for all of it, and the error of what has no reward."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from engine.errors import AssayError, BadInput, Overloaded, SandboxError
from engine.server.batch import each
from rewards.adapters.http.openrlhf import get_reward
from rewards.adapters.http.scored import scored


class Service:
    """Of the daemon's own: parses nothing, and scores by what a test says, one item at a time."""

    def __init__(self, score: Any) -> None:
        self.score_one = score
        self.parser = SimpleNamespace(items=list)

    def scored(self, ask: Any, items: list[Any]) -> Any:
        return each(ask, items, 1)


def request(body: object) -> Any:
    return SimpleNamespace(body=json.dumps(body).encode(), client="")


async def test_the_deadline_is_the_requests() -> None:
    left: list[float] = []

    async def score(item: Any, *, client: str, deadline_seconds: float) -> dict[str, Any]:
        left.append(deadline_seconds)
        await asyncio.sleep(0.1)
        return {"reward": 1.0}

    service: Any = Service(score)
    answers = await scored(service, request([1, 2, 3, 4]), list, called=str, deadline_seconds=0.25)
    assert answers == [{"reward": 1.0}] * 4
    assert all(0 < seconds <= most for seconds, most in zip(left, (0.25, 0.15, 0.05, 0.001), strict=True))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Overloaded("the queue is full"), "the queue is full"),
        (SandboxError("a fault"), "a fault"),
        (BadInput("image", "x", "no such image"), r"labels\[1\]\.image 'x': no such image"),
    ],
)
async def test_openrlhf_is_told_what_kept_a_batch_from_its_rewards(error: AssayError, text: str) -> None:
    asked = []

    async def score(item: Any, **options: Any) -> dict[str, Any]:
        asked.append(item["reference"])
        if item["reference"] == "2":
            raise error
        return {"reward": 1.0}

    service: Any = Service(score)
    body = {"query": ["?1", "?2", "?3"], "prompts": ["?"] * 3, "labels": ["1", "2", "3"]}
    with pytest.raises(type(error), match=text):
        await get_reward(service, request(body))
    assert asked[:2] == ["1", "2"]
