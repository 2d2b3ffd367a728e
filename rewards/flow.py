"""Many items through one scoring function, a bounded number at a time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.errors import Overloaded, SandboxError
from engine.flow import as_they_come
from rewards.reward import NotJudged, Reward

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Scored(Generic[_T]):
    """One item with its place among the items, its reward, and the seconds from asking to knowing."""

    index: int
    item: _T
    reward: Reward | NotJudged
    seconds: float


async def flow(
    score: Callable[[_T], Awaitable[Reward | NotJudged]], items: Iterable[_T], in_flight: int
) -> AsyncGenerator[Scored[_T], None]:
    """Rewards as they come; an overloaded or faulty sandbox is NotJudged, BadInput names the index and ends it all."""

    async def asked(item: _T) -> tuple[_T, Reward | NotJudged, float]:
        began = time.monotonic()
        try:
            reward = await score(item)
        except (Overloaded, SandboxError) as error:
            reward = NotJudged(str(error))
        return item, reward, time.monotonic() - began

    async with contextlib.aclosing(as_they_come(asked, items, in_flight)) as answers:
        async for index, (item, reward, seconds) in answers:
            yield Scored(index, item, reward, seconds)
