"""The requests that are under way: counted by how they end, waited for when the daemon stops."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

from engine.errors import BadInput, Overloaded
from engine.server.metrics import Metrics


class UnderWay:
    """Lets requests in until it drains.

    number    requests that are under way
    draining  nothing new is let in
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.number = 0
        self.draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    def refuse_while_draining(self, op: str) -> None:
        """Raises Overloaded once the daemon stops."""
        if self.draining:
            self._metrics.requests.add(op, "overloaded")
            raise Overloaded("the daemon is stopping and takes no new work")

    @contextlib.contextmanager
    def counted(self, op: str) -> Iterator[None]:
        """Count a request, under way until it ends, by how it does; raises Overloaded once the daemon stops."""
        self.refuse_while_draining(op)
        self.number += 1
        self._idle.clear()
        began = time.monotonic()
        answer = "sandbox"
        try:
            yield
            answer = "ok"
        except BadInput:
            answer = "bad_input"
            raise
        except Overloaded:
            answer = "overloaded"
            raise
        except (asyncio.CancelledError, GeneratorExit):
            answer = "cancelled"
            raise
        finally:
            self._metrics.requests.add(op, answer)
            self._metrics.request_seconds.observe(time.monotonic() - began, op)
            self.number -= 1
            if not self.number:
                self._idle.set()

    async def drained(self) -> None:
        """Take nothing new and wait until nothing is under way."""
        self.draining = True
        await self._idle.wait()
