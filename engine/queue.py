"""The queue before the slots: bounded, fair between clients, patient with what it has let in.

A request is let in or refused at the door. Once in, it takes a slot as often as it needs one (compile step, each test,
a second try) and is only ever turned away by its own deadline. That counts the time in which it waits for a slot; time
spent running is not counted, so that no program can run out its own judgement.

Slots are many more than cores: a program that sleeps needs none, and the kernel lets short runs go before long ones.
What is scarce here is slots, memory and processes, and nobody gets all: a part is left for whoever comes next. Of its
memory a run has a part set aside at first. It may use all of it; where all together use too much, the supervisor evicts
one that uses more than its part, which then waits for the whole.
"""

from __future__ import annotations

import asyncio
import bisect
from collections import Counter, OrderedDict
from typing import Final, Literal

from engine.errors import BadInput, Overloaded, SandboxError
from engine.lease import Lease, Slots, Ticket, Want
from engine.machine.resources import cores
from engine.pace import Pace
from engine.program import Limits

WaitsFor = Literal["slots", "memory", "processes", "its share"]
# Of slots and of memory, what one client leaves for others even where it is alone.
_LEFT_FOR_OTHERS: Final = 8
# Programs that run when what is only run ahead has to wait: some sleep, so that a core may be idle.
_SPARE_PER_CORE: Final = 2
# A wait is foreseen from those before it: who would be too late by this factor is told at once.
_HOPELESS: Final = 2.0


class Queue:
    """Grants `slots` slots, `memory_bytes` of memory and `processes` to requests.

    First the client that holds the fewest slots, those that hold as many in turn; of its own the shortest by its limit.

    queue_runs    requests that may be in without a slot
    queue_bytes   bytes that all requests in it may hold
    on_demand     what uses more memory than is set aside for it can be evicted
    """

    def __init__(
        self,
        pool: Slots,
        *,
        slots: int,
        memory_bytes: int,
        processes: int,
        queue_runs: int,
        queue_bytes: int,
        on_demand: bool,
    ) -> None:
        self.pool = pool
        self.slots = slots
        self.running = 0
        self.leases: set[Lease] = set()
        self.bytes_held = 0
        self.refused = 0
        self.expired = 0
        self.memory_bytes = memory_bytes
        self.memory_in_use = 0
        self._processes = processes
        self._processes_in_use = 0
        # Of each client that has any: its leases, and the memory that they may use.
        self._held: Counter[str] = Counter()
        self._memory_held: Counter[str] = Counter()
        self._queue_runs = queue_runs
        self._queue_bytes = queue_bytes
        self._on_demand = on_demand
        self._without_slot = 0
        self._pace = Pace()
        self._spare_below = _SPARE_PER_CORE * cores()
        # Who waits, by client; of those that hold as many slots the first is the next one to be served.
        self.lines: OrderedDict[str, list[Ticket]] = OrderedDict()
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
        if deadline_seconds is not None and self.lines:
            self._refuse_the_hopeless(client, deadline_seconds)
        self._without_slot += 1
        self.bytes_held += size_bytes
        return Ticket(client, size_bytes, deadline_seconds, asyncio.get_running_loop().time())

    def leave(self, ticket: Ticket) -> None:
        """The request is over; leases that it still holds come back by themselves."""
        ticket.gone = True
        self.bytes_held -= ticket.size_bytes
        if not ticket.leases:
            self._without_slot -= 1

    async def lease(self, ticket: Ticket, limits: Limits, *, patient: bool = False, whole: bool = False) -> Lease:
        """Wait for a slot to run something with these limits; the lease says for how long.

        whole    all the memory that it may use is set aside for it

        Raises Overloaded when the request's deadline passes, unless `patient`; SandboxError when the queue closes.
        """
        [lease] = await self.lease_together(ticket, limits, patient=patient, whole=whole)
        return lease

    async def lease_together(
        self, ticket: Ticket, *of_runs: Limits, patient: bool = False, whole: bool = False
    ) -> list[Lease]:
        """As `lease`, for runs that need each other: as many slots at once, or none.

        Whoever waits for a second slot holds no first, so that no two can wait for each other. Raises SandboxError
        where there will never be so many.
        """
        if self._closed is not None:
            raise SandboxError(self._closed)
        if len(of_runs) > self.slots:
            raise SandboxError(f"{len(of_runs)} programs have to run at once, and the slots here are {self.slots}")
        whole = whole or ticket.was_evicted or not self._on_demand
        ticket.wants = wants = tuple(Want.of(limits, whole=whole) for limits in of_runs)
        if not self.lines and self._fits(wants) and not self._has_its_share(ticket.client, wants):
            return self._grant(ticket)
        loop = asyncio.get_running_loop()
        started = loop.time()
        turn: asyncio.Future[list[Lease]] = loop.create_future()
        ticket.turn = turn
        bisect.insort(self.lines.setdefault(ticket.client, []), ticket, key=_due)
        self._serve()
        expiry = None
        if ticket.patience_seconds is not None and not patient:
            expiry = loop.call_later(max(ticket.patience_seconds, 0.0), self._expire, ticket)
        try:
            leases = await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(ticket)
            elif turn.exception() is None:
                # Granted, and cancelled before the task ran again.
                for lease in turn.result():
                    lease.give_back()
            raise
        finally:
            ticket.turn = None
            waited = loop.time() - started
            if expiry is not None and ticket.patience_seconds is not None:
                expiry.cancel()
                ticket.patience_seconds -= waited
            # An error that it holds would lead back to it.
            del turn
        for lease in leases:
            lease.waited_seconds = waited
        return leases

    def spare(self, client: str, limits: Limits) -> Lease | None:
        """A slot that nobody waits for while a core may be idle, under a ticket of its own; None if there is none.

        The ticket of the lease has to `leave`.
        """
        wants = (Want.of(limits, whole=not self._on_demand),)
        if self._closed is not None or self.lines or self.running >= self._spare_below or not self._fits(wants):
            return None
        self._without_slot += 1
        ticket = Ticket(client, 0, None, asyncio.get_running_loop().time())
        ticket.wants = wants
        [lease] = self._grant(ticket)
        return lease

    def take_back(self, lease: Lease) -> None:
        """The lease's slot is free again."""
        self.leases.discard(lease)
        self.running -= 1
        self.memory_in_use -= lease.want.memory_bytes
        self._processes_in_use -= lease.want.processes
        ticket = lease.ticket
        self._memory_held[ticket.client] -= lease.want.memory_bytes
        self._held[ticket.client] -= 1
        if not self._held[ticket.client]:
            del self._held[ticket.client], self._memory_held[ticket.client]
        ticket.leases -= 1
        if not ticket.gone and not ticket.leases:
            self._without_slot += 1
        if self.lines:
            self._pace.freed(asyncio.get_running_loop().time())
        else:
            self._pace.forget()
        self._serve()

    def obstacle(self, ticket: Ticket) -> WaitsFor:
        """What a request that waits lacks."""
        if self.running + len(ticket.wants) > self.slots:
            return "slots"
        if self.memory_in_use + _memory_bytes(ticket.wants) > self.memory_bytes:
            return "memory"
        return "its share" if self._has_its_share(ticket.client, ticket.wants) else "processes"

    def close(self, reason: str) -> None:
        """Turn away whoever waits, and whoever comes from now on, with a SandboxError."""
        self._closed = reason
        for line in self.lines.values():
            for ticket in line:
                if ticket.turn is not None and not ticket.turn.done():
                    ticket.turn.set_exception(SandboxError(reason))
        self.lines.clear()

    def _refuse_the_hopeless(self, client: str, deadline_seconds: float) -> None:
        mine = len(self.lines.get(client, ()))
        ahead = sum(min(len(line), mine + 1) for line in self.lines.values())
        seconds = self._pace.seconds(asyncio.get_running_loop().time(), ahead)
        if seconds > _HOPELESS * deadline_seconds:
            self.refused += 1
            raise Overloaded(f"{ahead} requests come first and take some {seconds:.0f} s: over {deadline_seconds:g} s")

    def _fits(self, wants: tuple[Want, ...]) -> bool:
        # Alone, anything fits: a run larger than the budget must not wait for ever.
        return self.running + len(wants) <= self.slots and (
            not self.running
            or (
                self.memory_in_use + _memory_bytes(wants) <= self.memory_bytes
                and self._processes_in_use + sum(want.processes for want in wants) <= self._processes
            )
        )

    def _has_its_share(self, client: str, wants: tuple[Want, ...]) -> bool:
        """Whether a client holds so much that the rest is others'."""
        slots = self.slots - self.slots // _LEFT_FOR_OTHERS
        memory = self.memory_bytes - self.memory_bytes // _LEFT_FOR_OTHERS
        held = self._held.get(client, 0)
        return held + len(wants) > slots or (held > 0 and self._memory_held[client] + _memory_bytes(wants) > memory)

    def _grant(self, ticket: Ticket) -> list[Lease]:
        wants = ticket.wants
        self.running += len(wants)
        self.memory_in_use += _memory_bytes(wants)
        self._processes_in_use += sum(want.processes for want in wants)
        self._held[ticket.client] += len(wants)
        self._memory_held[ticket.client] += _memory_bytes(wants)
        self._without_slot -= not ticket.leases
        ticket.leases += len(wants)
        now = asyncio.get_running_loop().time()
        leases = [Lease(self, ticket, want, now) for want in wants]
        self.leases.update(leases)
        return leases

    def _serve(self) -> None:
        while (ticket := self._next()) is not None:
            turn = ticket.turn
            # Done: cancelled, and its task has not run since.
            waits = turn is not None and not turn.done()
            # Nobody overtakes one that needs much memory, so it never starves.
            if waits and not self._fits(ticket.wants):
                return
            line = self.lines[ticket.client]
            del line[0]
            if not line:
                del self.lines[ticket.client]
            elif waits:
                self.lines.move_to_end(ticket.client)
            if turn is not None and waits:
                turn.set_result(self._grant(ticket))

    def _next(self) -> Ticket | None:
        """Whose turn it is."""
        best = None
        fewest = self.slots
        for client, line in self.lines.items():
            held = self._held.get(client, 0)
            if held < fewest and not self._has_its_share(client, line[0].wants):
                best, fewest = line[0], held
                if not held:
                    break
        return best

    def _forget(self, ticket: Ticket) -> None:
        line = self.lines.get(ticket.client, [])
        at = bisect.bisect_left(line, ticket.due, key=_due)
        if at == len(line) or line[at] is not ticket:
            return
        del line[at]
        if not line:
            del self.lines[ticket.client]
        # It may have been the one that others had to wait behind.
        self._serve()

    def _expire(self, ticket: Ticket) -> None:
        if ticket.turn is None or ticket.turn.done():
            return
        self.expired += 1
        ticket.turn.set_exception(Overloaded(f"queue deadline passed after {ticket.deadline_seconds:g} s"))
        self._forget(ticket)


def _memory_bytes(wants: tuple[Want, ...]) -> int:
    return sum(want.memory_bytes for want in wants)


def _due(ticket: Ticket) -> tuple[float, int]:
    return ticket.due
