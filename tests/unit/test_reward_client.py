"""What `RewardClient` does before a daemon is there, and how patient it is with one that refuses."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from engine import AssayError, BadInput, Overloaded, SandboxError
from engine.client.client import Client
from rewards import NotJudged, Reward, RewardClient, WrongItem
from rewards.adapters import samples


async def test_fewer_than_one_at_a_time_is_refused(tmp_path: Path) -> None:
    async with RewardClient(f"unix://{tmp_path}/none.sock") as client:
        for in_flight in (0, -1):
            with pytest.raises(BadInput) as caught:
                await client.score_many([{"kind": "math"}], in_flight=in_flight)
            assert not isinstance(caught.value, WrongItem)
            assert (caught.value.field, caught.value.value) == ("in_flight", in_flight)


async def test_an_item_that_is_no_map_is_named(tmp_path: Path) -> None:
    wrong: list[Any] = [42]
    async with RewardClient(f"unix://{tmp_path}/none.sock") as client:
        for ask in (client.score_many, client.score_batch):
            with pytest.raises(WrongItem, match=r"^\[0\]\.item 'int': expected a map"):
                await ask(wrong)


async def test_a_deadline_counts_from_the_first_time_that_an_item_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sent: list[float] = []

    async def score(self: Client, item: dict[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        sent.append(deadline_seconds)
        raise Overloaded("full")

    monkeypatch.setattr(Client, "score", score)
    async with RewardClient(f"unix://{tmp_path}/none.sock", deadline_seconds=0.5) as client:
        assert await client.score({}) == NotJudged("full")
    # It waits 0.05, 0.1 and 0.2 s, and no further 0.4.
    assert len(sent) == 4
    assert all(left <= most for left, most in zip(sent, (0.5, 0.45, 0.35, 0.15), strict=True))
    assert min(sent) > 0


async def test_nor_has_an_item_of_a_batch_more_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sent: list[float] = []

    async def score_batch(self: Client, items: list[Any], *, deadline_seconds: float) -> AsyncGenerator[Any, None]:
        await asyncio.sleep(deadline_seconds)
        yield 0, Overloaded("late")

    async def score(self: Client, item: dict[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        sent.append(deadline_seconds)
        raise Overloaded("too late")

    monkeypatch.setattr(Client, "score_batch", score_batch)
    monkeypatch.setattr(Client, "score", score)
    async with RewardClient(f"unix://{tmp_path}/none.sock", deadline_seconds=0.2) as client:
        assert await client.score_batch([{}]) == [NotJudged("too late")]
    assert sent == [0.001]


def test_a_wrong_address_of_an_adapter_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(samples.ADDRESS, "gopher://x")
    before = threading.active_count()
    with pytest.raises(BadInput, match="gopher"):
        samples.ask_blocking(lambda client: client.score({}))
    assert threading.active_count() == before


@pytest.mark.parametrize(
    "error",
    [
        WrongItem(BadInput("[1].tests", [], "expected a test"), {0: Reward(reward=1.0)}),
        BadInput("tests", [], "expected a test"),
        Overloaded("full", retry_seconds=2.0),
        SandboxError("no answer"),
    ],
)
def test_an_error_comes_back_from_another_process_as_it_was(error: AssayError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
