"""How many requests of one client stand in the engine's queue at once; the others wait behind them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from engine.errors import Overloaded

_LEAST_SECONDS: Final = 0.001


class Turns:
    """So many at a time, first come first served."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    @contextlib.asynccontextmanager
    async def taken(self, deadline_seconds: float | None) -> AsyncIterator[tuple[float, float | None]]:
        """Wait behind the client's own requests: the seconds waited, and what is left of the deadline."""
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            # A timeout costs as much as the rest of a turn that is free.
            async with asyncio.timeout(deadline_seconds) if self._free.locked() else contextlib.nullcontext():
                await self._free.acquire()
        except TimeoutError:
            raise Overloaded(f"deadline of {deadline_seconds} s passed in the queue") from None
        try:
            waited = clock() - began
            yield waited, None if deadline_seconds is None else max(deadline_seconds - waited, _LEAST_SECONDS)
        finally:
            self._free.release()
