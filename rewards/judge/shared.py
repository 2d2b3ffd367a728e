"""Answers by what was asked: kept for later, and asked for once where several want the same at once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class _Work(Generic[_T]):
    def __init__(self, ask: Callable[[Callable[[], None]], Coroutine[Any, Any, _T]]) -> None:
        self.begun = asyncio.Event()
        self.task = asyncio.create_task(ask(self.begun.set))
        self.task.add_done_callback(lambda _: self.begun.set())
        self.waiting = 0


class Shared(Generic[_T]):
    """Keeps the `most` answers that were wanted last, of those that `keep` says may be kept.

    In a group of rollouts many end in the same answer, and they end up here at the same time.
    """

    def __init__(self, most: int, keep: Callable[[_T], bool]) -> None:
        self._most = most
        self._keep = keep
        self._kept: OrderedDict[bytes, _T] = OrderedDict()
        self._under_way: dict[bytes, _Work[_T]] = {}

    async def get(
        self, key: bytes, ask: Callable[[Callable[[], None]], Coroutine[Any, Any, _T]], begin_seconds: float | None
    ) -> _T:
        """The answer for `key`; `ask` calls what it is given once its turn has come.

        Raises TimeoutError if that is later than `begin_seconds`. `ask` is cancelled when the last who waits for it is.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        work = self._under_way.get(key)
        if work is None:
            work = self._under_way[key] = _Work(ask)
        work.waiting += 1
        try:
            async with asyncio.timeout(begin_seconds):
                await work.begun.wait()
            answer = await asyncio.shield(work.task)
        finally:
            work.waiting -= 1
            if not work.waiting:
                work.task.cancel()
            if (not work.waiting or work.task.done()) and self._under_way.get(key) is work:
                del self._under_way[key]
        if self._most and self._keep(answer):
            self._kept[key] = answer
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return answer
