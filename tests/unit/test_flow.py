from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine import BadInput, Overloaded, SandboxError, Verdict
from rewards import NotJudged, Reward
from rewards.flow import flow

ACCEPTED = Reward(reward=1.0, verdict=Verdict.ACCEPTED)


async def test_no_more_than_asked_for_are_in_flight() -> None:
    under_way, most, taken = 0, 0, 0

    async def score(item: dict[str, Any]) -> Reward:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001 * (item["n"] % 3))
        under_way -= 1
        return ACCEPTED

    def items() -> Any:
        nonlocal taken
        for n in range(50):
            taken += 1
            yield {"n": n}

    seen: list[int] = []
    async for each in flow(score, items(), 4):
        assert taken <= len(seen) + 4 + 4
        seen.append(each.index)
    assert sorted(seen) == list(range(50))
    assert most == 4


async def test_none_at_a_time_would_do_nothing() -> None:
    async def score(item: None) -> Reward:
        return ACCEPTED

    with pytest.raises(BadInput, match="in_flight 0: expected at least 1"):
        assert [each async for each in flow(score, [None], 0)]


async def test_our_faults_are_not_judged_and_the_rest_goes_on() -> None:
    async def score(item: dict[str, Any]) -> Reward:
        if "error" in item:
            raise item["error"]
        return ACCEPTED

    items: list[dict[str, Any]] = [{"error": SandboxError("lost")}, {}, {"error": Overloaded("full")}]
    rewards = {each.index: each.reward async for each in flow(score, items, 2)}
    assert rewards == {0: NotJudged("lost"), 1: ACCEPTED, 2: NotJudged("full")}


async def test_what_is_known_comes_before_a_wrong_item_ends_it() -> None:
    release = asyncio.Event()

    async def score(item: dict[str, Any]) -> Reward:
        if item["n"] == 9:
            release.set()
        await release.wait()
        if item["n"] == 0:
            raise BadInput("kind", None, "expected one of code, math")
        return ACCEPTED

    known: list[int] = []

    async def follow() -> None:
        async for each in flow(score, [{"n": n} for n in range(10)], 10):
            known.append(each.index)  # noqa: PERF401 (they are kept when it raises)

    with pytest.raises(BadInput, match=r"\[0\]\.kind"):
        await follow()
    assert sorted(known) == list(range(1, 10))


async def test_a_wrong_item_ends_it_and_cancels_what_runs() -> None:
    cancelled = []

    async def score(item: dict[str, Any]) -> Reward:
        if "wrong" in item:
            raise BadInput("kind", None, "expected one of code, math")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(item)
            raise
        return ACCEPTED

    with pytest.raises(BadInput) as caught:
        async for _ in flow(score, [{}, {"wrong": 1}, {"wrong": 2}], 3):
            pass
    assert caught.value.field in ("[1].kind", "[2].kind")
    assert cancelled == [{}]
