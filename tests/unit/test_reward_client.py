"""What `RewardClient` does before a daemon is there, and how patient it is with one that refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import BadInput
from rewards import RewardClient, WrongItem


async def test_fewer_than_one_at_a_time_is_refused(tmp_path: Path) -> None:
    async with RewardClient(f"unix://{tmp_path}/none.sock") as client:
        for in_flight in (0, -1):
            with pytest.raises(BadInput) as caught:
                await client.score_many([{"kind": "math"}], in_flight=in_flight)
            assert not isinstance(caught.value, WrongItem)
            assert (caught.value.field, caught.value.value) == ("in_flight", in_flight)
