"""An event loop in a thread of its own, for the clients' twins without await."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

_T = TypeVar("_T")


class LoopThread:
    """Runs coroutines for threads that have no loop; an interrupted wait cancels its coroutine."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Not stopped yet."""
        return self._thread.is_alive()

    def wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The coroutine's result, or what it raised."""
        future = self.submit(work)
        try:
            return future.result()
        finally:
            future.cancel()

    def submit(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Begin the coroutine; its result comes later."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stream(self, source: AsyncGenerator[_T, None]) -> Iterator[_T]:
        """The generator's items; leaving early closes it."""

        async def following() -> tuple[_T] | None:
            async for item in source:
                return (item,)
            return None

        try:
            while (entry := self.wait(following())) is not None:
                yield entry[0]
        finally:
            self.wait(source.aclose())

    def stop(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
