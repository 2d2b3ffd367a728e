"""Work that must not hold up the event loop: large pieces go to a thread, many go a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from typing import Any, Final, ParamSpec, TypeVar

from engine.errors import BadInput

_P = ParamSpec("_P")
_T = TypeVar("_T")
_R = TypeVar("_R")
ON_THE_LOOP_BYTES: Final = 64 << 10


async def off_loop(size_bytes: float, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What `work` returns; in a thread if it is about more than `ON_THE_LOOP_BYTES`."""
    if size_bytes > ON_THE_LOOP_BYTES:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


async def as_they_come(
    ask: Callable[[_T], Coroutine[Any, Any, _R]], items: Iterable[_T], in_flight: int
) -> AsyncGenerator[tuple[int, _R], None]:
    """(index, answer) of each item, `in_flight` of them asked at a time, in any order; raises BadInput below 1.

    BadInput comes with the item's index before its field, after the answers that are there, and ends the rest, as any
    other error does. Closing the generator cancels what is asked.
    """
    if in_flight < 1:
        raise BadInput("in_flight", in_flight, "expected at least 1")
    numbered = enumerate(items)
    pending: dict[asyncio.Task[_R], int] = {}
    # Not asyncio.wait, which looks at all that is pending each time.
    done: list[asyncio.Task[_R]] = []
    some_done = asyncio.Event()

    def ended(task: asyncio.Task[_R]) -> None:
        done.append(task)
        some_done.set()

    try:
        while True:
            while len(pending) < in_flight and (entry := next(numbered, None)) is not None:
                task = asyncio.create_task(ask(entry[1]))
                task.add_done_callback(ended)
                pending[task] = entry[0]
            if not pending:
                return
            await some_done.wait()
            some_done.clear()
            taken, done[:] = sorted(done, key=_failed), []
            for task in taken:
                index = pending.pop(task)
                try:
                    answer = task.result()
                except BadInput as error:
                    raise error.below(f"[{index}]") from None
                yield index, answer
    finally:
        for task in pending:
            task.cancel()
        # Collected here, so that no second error is left over for the log.
        await asyncio.gather(*pending, return_exceptions=True)


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.exception() is not None
