"""What `RewardClient` does before a daemon is there, and how patient it is with one that refuses."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from engine import BadInput
from rewards import RewardClient, WrongItem
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


def test_a_wrong_address_of_an_adapter_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(samples.ADDRESS, "gopher://x")
    before = threading.active_count()
    with pytest.raises(BadInput, match="gopher"):
        samples.ask_blocking(lambda client: client.score({}))
    assert threading.active_count() == before
