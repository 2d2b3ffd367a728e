"""The queue before the slots: bounded, fair between clients, patient with what it has let in.

A request is let in or refused at the door. Once in, it takes a slot as often as it needs one (compile step, each test,
a second try) and is only ever turned away by its own deadline. That counts the time in which it waits for a slot; time
spent running is not counted, so that no program can run out its own judgement.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from engine.errors import BadInput, Overloaded, SandboxError
from engine.pace import Pace
from engine.pool.job import Completion, Job

# A wait is foreseen from those before it: who would be too late by this factor is told at once.
_HOPELESS: Final = 2.0


class Slots(Protocol):
    """Where leased slots are: the pool."""

    def run(self, job: Job, ended: Callable[[], None]) -> Awaitable[Completion]:
        """Run a job in a free slot; `ended` is called when it is free again, however that comes."""
        ...


class Ticket:
    """One request's place in the engine, from the door to the answer; it waits for one slot at a time."""

    __slots__ = (
        "client",
        "deadline_seconds",
        "gone",
        "leases",
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
        self.leases = 0
        self.memory_bytes = 0
        self.turn: asyncio.Future[Lease] | None = None


class Lease:
    """Exclusive use of one slot, for one run or until it is given back."""

    __slots__ = ("_queue", "memory_bytes", "ticket", "waited_seconds")

    def __init__(self, queue: Queue, ticket: Ticket, memory_bytes: int) -> None:
        self._queue = queue
        self.ticket = ticket
        self.memory_bytes = memory_bytes
        self.waited_seconds = 0.0

    async def run(self, job: Job) -> Completion:
        """Run a job; the lease ends when the slot is free again. Cancelling kills the program."""
        return await self._queue.pool.run(job, self.give_back)

    def give_back(self) -> None:
        """End the lease; once."""
        self._queue.take_back(self)


class Queue:
    """Grants `slots` slots and `memory_bytes` of memory to requests, each client in turn, first come first served.

    queue_runs    requests that may be in without a slot
    queue_bytes   bytes that all requests in it may hold
    """

    def __init__(self, pool: Slots, *, slots: int, memory_bytes: int, queue_runs: int, queue_bytes: int) -> None:
        self.pool = pool
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
        self._pace = Pace()
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
        if deadline_seconds is not None and self._lines:
            self._refuse_the_hopeless(client, deadline_seconds)
        self._without_slot += 1
        self.bytes_held += size_bytes
        return Ticket(client, size_bytes, deadline_seconds)

    def leave(self, ticket: Ticket) -> None:
        """The request is over; leases that it still holds come back by themselves."""
        ticket.gone = True
        self.bytes_held -= ticket.size_bytes
        if not ticket.leases:
            self._without_slot -= 1

    async def lease(self, ticket: Ticket, memory_bytes: int, *, patient: bool = False) -> Lease:
        """Wait for a slot; the lease says for how long.

        Raises Overloaded when the request's deadline passes, unless `patient`; SandboxError when the queue closes.
        """
        if self._closed is not None:
            raise SandboxError(self._closed)
        if not self._lines and self._fits(memory_bytes):
            return self._grant(ticket, memory_bytes)
        loop = asyncio.get_running_loop()
        started = loop.time()
        ticket.memory_bytes = memory_bytes
        turn: asyncio.Future[Lease] = loop.create_future()
        ticket.turn = turn
        self._lines.setdefault(ticket.client, OrderedDict())[ticket] = None
        expiry = None
        if ticket.patience_seconds is not None and not patient:
            expiry = loop.call_later(max(ticket.patience_seconds, 0.0), self._expire, ticket)
        try:
            lease = await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(ticket)
            elif turn.exception() is None:
                # Granted, and cancelled before the task ran again.
                turn.result().give_back()
            raise
        finally:
            ticket.turn = None
            waited = loop.time() - started
            if expiry is not None and ticket.patience_seconds is not None:
                expiry.cancel()
                ticket.patience_seconds -= waited
        lease.waited_seconds = waited
        return lease

    def take_back(self, lease: Lease) -> None:
        """The lease's slot is free again."""
        self.running -= 1
        self._memory_in_use -= lease.memory_bytes
        ticket = lease.ticket
        ticket.leases -= 1
        if not ticket.gone and not ticket.leases:
            self._without_slot += 1
        if self._lines:
            self._pace.freed(asyncio.get_running_loop().time())
        else:
            self._pace.forget()
        self._serve()

    def close(self, reason: str) -> None:
        """Turn away whoever waits, and whoever comes from now on, with a SandboxError."""
        self._closed = reason
        for line in self._lines.values():
            for ticket in line:
                if ticket.turn is not None and not ticket.turn.done():
                    ticket.turn.set_exception(SandboxError(reason))
        self._lines.clear()

    def _refuse_the_hopeless(self, client: str, deadline_seconds: float) -> None:
        mine = len(self._lines.get(client, ()))
        ahead = sum(min(len(line), mine + 1) for line in self._lines.values())
        seconds = self._pace.seconds(asyncio.get_running_loop().time(), ahead)
        if seconds > _HOPELESS * deadline_seconds:
            self.refused += 1
            raise Overloaded(f"{ahead} requests come first and take some {seconds:.0f} s: over {deadline_seconds:g} s")

    def _fits(self, memory_bytes: int) -> bool:
        # Alone, anything fits: a run larger than the budget must not wait for ever.
        return self.running < self.slots and (
            self._memory_in_use + memory_bytes <= self._memory_bytes or not self.running
        )

    def _grant(self, ticket: Ticket, memory_bytes: int) -> Lease:
        self.running += 1
        self._memory_in_use += memory_bytes
        self._without_slot -= not ticket.leases
        ticket.leases += 1
        return Lease(self, ticket, memory_bytes)

    def _serve(self) -> None:
        while self._lines:
            client, line = next(iter(self._lines.items()))
            ticket = next(iter(line))
            turn = ticket.turn
            # Done: cancelled, and its task has not run since.
            waits = turn is not None and not turn.done()
            # Nobody overtakes one that needs much memory, so it never starves.
            if waits and not self._fits(ticket.memory_bytes):
                return
            del line[ticket]
            if not line:
                del self._lines[client]
            elif waits:
                self._lines.move_to_end(client)
            if turn is not None and waits:
                turn.set_result(self._grant(ticket, ticket.memory_bytes))

    def _forget(self, ticket: Ticket) -> None:
        line = self._lines.get(ticket.client)
        if line is None or ticket not in line:
            return
        del line[ticket]
        if not line:
            del self._lines[ticket.client]
        # It may have been the one that others had to wait behind.
        self._serve()

    def _expire(self, ticket: Ticket) -> None:
        if ticket.turn is None or ticket.turn.done():
            return
        self.expired += 1
        ticket.turn.set_exception(Overloaded(f"queue deadline passed after {ticket.deadline_seconds:g} s"))
        self._forget(ticket)
