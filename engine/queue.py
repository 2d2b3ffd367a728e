"""The queue before the slots: bounded, fair between clients, patient with what it has let in.

A request is let in or refused at the door. Once in, it takes a slot as often as it needs one (compile step, each test,
a second try) and is only ever turned away by its own deadline. That counts the time in which it waits for a slot; time
spent running is not counted, so that no program can run out its own judgement.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from engine.errors import BadInput, Overloaded, SandboxError


class Ticket:
    """One request's place in the engine, from the door to the answer; it holds or waits for one slot at a time."""

    __slots__ = (
        "client",
        "deadline_seconds",
        "gone",
        "holding",
        "memory_bytes",
        "patience_seconds",
        "size_bytes",
        "turn",
    )

    def __init__(self, client: str, size_bytes: int, deadline_seconds: float | None) -> None:
        self.client = client
        self.size_bytes = size_bytes
        self.deadline_seconds = deadline_seconds
        self.patience_seconds = deadline_seconds
        self.gone = False
        self.holding = False
        self.memory_bytes = 0
        self.turn: asyncio.Future[None] | None = None


class Queue:
    """Grants `slots` slots and `memory_bytes` of memory to requests, each client in turn, first come first served.

    queue_runs    requests that may be in without a slot
    queue_bytes   bytes that all requests in it may hold
    """

    def __init__(self, *, slots: int, memory_bytes: int, queue_runs: int, queue_bytes: int) -> None:
        self.slots = slots
        self.running = 0
        self.bytes_held = 0
        self.refused = 0
        self.expired = 0
        self._memory_bytes = memory_bytes
        self._memory_in_use = 0
        self._queue_runs = queue_runs
        self._queue_bytes = queue_bytes
        self._without_slot = 0
        # Who waits, by client; the first client is the next one to be served.
        self._lines: OrderedDict[str, OrderedDict[Ticket, None]] = OrderedDict()
        self._closed: str | None = None

    @property
    def queued(self) -> int:
        """Requests that are in and hold no slot."""
        return self._without_slot

    def enter(self, client: str, size_bytes: int, deadline_seconds: float | None) -> Ticket:
        """Let a request in, that has to `leave`; raises Overloaded at once if there is no room, BadInput if never."""
        if self._closed is not None:
            raise SandboxError(self._closed)
        if size_bytes > self._queue_bytes:
            raise BadInput("request", f"{size_bytes} bytes", f"more than queue_bytes, {self._queue_bytes}")
        if self._without_slot >= self._queue_runs + self.slots - self.running:
            self.refused += 1
            raise Overloaded(f"the queue is full: {self._without_slot} requests wait")
        if self.bytes_held + size_bytes > self._queue_bytes:
            self.refused += 1
            raise Overloaded(f"the queue is full: its requests hold {self.bytes_held} bytes")
        self._without_slot += 1
        self.bytes_held += size_bytes
        return Ticket(client, size_bytes, deadline_seconds)

    def leave(self, request: Ticket) -> None:
        """The request is over; a slot that it still holds comes back by `give_back`."""
        request.gone = True
        self.bytes_held -= request.size_bytes
        if not request.holding:
            self._without_slot -= 1

    async def take(self, request: Ticket, memory_bytes: int, *, patient: bool = False) -> float:
        """Wait for a slot and return the seconds waited; it has to be given back.

        Raises Overloaded when the request's deadline passes, unless `patient`; SandboxError when the queue closes.
        """
        if self._closed is not None:
            raise SandboxError(self._closed)
        request.memory_bytes = memory_bytes
        if not self._lines and self._fits(memory_bytes):
            self._grant(request)
            return 0.0
        loop = asyncio.get_running_loop()
        started = loop.time()
        request.turn = turn = loop.create_future()
        self._lines.setdefault(request.client, OrderedDict())[request] = None
        expiry = None
        if request.patience_seconds is not None and not patient:
            expiry = loop.call_later(max(request.patience_seconds, 0.0), self._expire, request)
        try:
            await turn
        except asyncio.CancelledError:
            if request.holding:
                self.give_back(request)
            else:
                self._forget(request)
            raise
        finally:
            request.turn = None
            waited = loop.time() - started
            if expiry is not None and request.patience_seconds is not None:
                expiry.cancel()
                request.patience_seconds -= waited
        return waited

    def give_back(self, request: Ticket) -> None:
        """The request's slot is free again."""
        self.running -= 1
        self._memory_in_use -= request.memory_bytes
        request.holding = False
        if not request.gone:
            self._without_slot += 1
        self._serve()

    def close(self, reason: str) -> None:
        """Turn away whoever waits, and whoever comes from now on, with a SandboxError."""
        self._closed = reason
        for line in self._lines.values():
            for request in line:
                if request.turn is not None and not request.turn.done():
                    request.turn.set_exception(SandboxError(reason))
        self._lines.clear()

    def _fits(self, memory_bytes: int) -> bool:
        # Alone, anything fits: a run larger than the budget must not wait for ever.
        return self.running < self.slots and (
            self._memory_in_use + memory_bytes <= self._memory_bytes or not self.running
        )

    def _grant(self, request: Ticket) -> None:
        self.running += 1
        self._memory_in_use += request.memory_bytes
        request.holding = True
        self._without_slot -= 1

    def _serve(self) -> None:
        while self._lines:
            client, line = next(iter(self._lines.items()))
            request = next(iter(line))
            turn = request.turn
            # Done: cancelled, and its task has not run since.
            waits = turn is not None and not turn.done()
            # Nobody overtakes one that needs much memory, so it never starves.
            if waits and not self._fits(request.memory_bytes):
                return
            del line[request]
            if not line:
                del self._lines[client]
            elif waits:
                self._lines.move_to_end(client)
            if turn is not None and waits:
                self._grant(request)
                turn.set_result(None)

    def _forget(self, request: Ticket) -> None:
        line = self._lines.get(request.client)
        if line is None or request not in line:
            return
        del line[request]
        if not line:
            del self._lines[request.client]
        # It may have been the one that others had to wait behind.
        self._serve()

    def _expire(self, request: Ticket) -> None:
        if request.turn is None or request.turn.done():
            return
        self.expired += 1
        request.turn.set_exception(Overloaded(f"queue deadline passed after {request.deadline_seconds:g} s"))
        self._forget(request)
