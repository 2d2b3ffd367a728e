"""Many requests in one: a bounded number at a time, each with an answer or an error of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from typing import Any, Final, TypeAlias, TypeVar

from engine.errors import AssayError, Overloaded
from engine.flow import as_they_come

_T = TypeVar("_T")
_R = TypeVar("_R")
Numbered: TypeAlias = AsyncGenerator[tuple[int, _R | AssayError], None]
_FULL: Final = "the other answers fill server.batch_bytes: ask for them as they come, or for fewer"


async def each(ask: Callable[[_T], Coroutine[Any, Any, _R]], asks: list[_T], in_flight: int) -> Numbered[_R]:
    """(index, answer or its error) as they come; closing it ends the rest. Empties `asks`."""
    # Each goes when it has been answered: to free all of a large body's at once would stop the other clients.
    turns = deque(asks)
    asks.clear()
    beginning = asyncio.Lock()

    def taken() -> Iterator[_T]:
        while turns:
            yield turns.popleft()

    async def answered(one: _T) -> _R | AssayError:
        # One of which nothing is run never waits: one begins, then the other clients have their turn.
        async with beginning:
            await asyncio.sleep(0)
        try:
            return await ask(one)
        except AssayError as error:
            return error

    async with contextlib.aclosing(as_they_come(answered, taken(), in_flight)) as answers:
        async for numbered in answers:
            yield numbered


async def in_order(
    answers: Numbered[_R], count: int, most_bytes: int, size: Callable[[_R], int]
) -> list[_R | AssayError]:
    """All `count` of them; what is not there after `most_bytes` of answers is ended, and overloaded."""
    listed: list[_R | AssayError] = [Overloaded(_FULL)] * count
    size_bytes = 0
    async with contextlib.aclosing(answers) as numbered:
        async for index, answer in numbered:
            listed[index] = answer
            size_bytes += 0 if isinstance(answer, AssayError) else size(answer)
            if size_bytes > most_bytes:
                break
    return listed


def outcome_bytes(answer: dict[str, Any]) -> int:
    """About what an outcome holds, as it goes over the socket."""
    return len(answer["stdout"]) + len(answer["stderr"]) + sum(map(len, answer["files"].values()))
