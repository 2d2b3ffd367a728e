"""Many items through one scoring function, a bounded number at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.errors import BadInput, Overloaded, SandboxError
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
    numbered = enumerate(items)
    pending: set[asyncio.Task[Scored[_T]]] = set()
    try:
        while True:
            while len(pending) < in_flight and (entry := next(numbered, None)) is not None:
                pending.add(asyncio.create_task(_scored(score, *entry)))
            if not pending:
                return
            done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            # What is known goes out before a wrong item ends it.
            for task in sorted(done, key=_is_wrong):
                yield task.result()
                pending.remove(task)
    finally:
        for task in pending:
            task.cancel()
        # Collected here, so that no second error is left over for the log.
        await asyncio.gather(*pending, return_exceptions=True)


def _is_wrong(task: asyncio.Task[Scored[_T]]) -> bool:
    return isinstance(task.exception(), BadInput)


async def _scored(score: Callable[[_T], Awaitable[Reward | NotJudged]], index: int, item: _T) -> Scored[_T]:
    began = time.monotonic()
    try:
        reward = await score(item)
    except (Overloaded, SandboxError) as error:
        reward = NotJudged(str(error))
    except BadInput as error:
        raise error.below(f"[{index}]") from None
    return Scored(index, item, reward, time.monotonic() - began)
