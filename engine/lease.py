"""What a request holds of the queue: a ticket from the door to the answer, and leases of slots for its runs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, Protocol

from engine.pool.job import Completion, Job, Joined
from engine.program import MIB, Limits

# Most programs use less. One that uses more keeps what it has as long as there is enough for all.
MEMORY_AT_FIRST: Final = 64 * MIB
_NUMBERS: Final = itertools.count()


class Slots(Protocol):
    """Where leased slots are: the pool."""

    def run(self, job: Job, ended: Callable[[], None], reserved_bytes: int) -> Awaitable[Completion]:
        """Run a job in a free slot; `ended` is called when it is free again, however that comes.

        reserved_bytes  memory that it keeps whatever others need
        """
        ...

    def run_joined(
        self,
        job: Job,
        partner: Job,
        ended: tuple[Callable[[], None], Callable[[], None]],
        reserved_bytes: tuple[int, int],
    ) -> Awaitable[Joined]:
        """Run two that talk with each other in free slots; `ended` are called as each of these is free again."""
        ...


class Grants(Protocol):
    """Who has granted leases: the queue."""

    pool: Slots

    def take_back(self, lease: Lease) -> None:
        """The lease's slot is free again."""
        ...


class Want(NamedTuple):
    """What is set aside for one run: memory and processes; and the CPU time that it may take."""

    cpu_seconds: float
    memory_bytes: int
    processes: int

    @classmethod
    def of(cls, limits: Limits, *, whole: bool) -> Want:
        """Of a run with these limits; `whole`: all the memory that it may use."""
        memory_bytes = limits.memory_bytes if whole else min(limits.memory_bytes, MEMORY_AT_FIRST)
        return cls(limits.cpu_seconds, memory_bytes, limits.processes)


class Ticket:
    """One request's place in the engine, from the door to the answer.

    wants        what it waits to run
    was_evicted  a run of it was ended because others needed the memory: further ones have theirs set aside
    """

    __slots__ = (
        "client",
        "deadline_seconds",
        "entered",
        "gone",
        "leases",
        "number",
        "patience_seconds",
        "size_bytes",
        "turn",
        "wants",
        "was_evicted",
    )

    def __init__(self, client: str, size_bytes: int, deadline_seconds: float | None, entered: float) -> None:
        self.client = client
        self.number = next(_NUMBERS)
        self.entered = entered
        self.size_bytes = size_bytes
        self.deadline_seconds = deadline_seconds
        self.patience_seconds = deadline_seconds
        self.gone = False
        self.leases = 0
        self.was_evicted = False
        self.wants: tuple[Want, ...] = ()
        self.turn: asyncio.Future[list[Lease]] | None = None

    @property
    def due(self) -> tuple[float, int]:
        """Its place among its client's: a short run goes before a long one, but not before one that has waited as long
        as it would take."""
        return self.entered + sum(want.cpu_seconds for want in self.wants), self.number


class Lease:
    """Exclusive use of one slot, for one run or until it is given back."""

    __slots__ = ("_grants", "granted", "ticket", "waited_seconds", "want")

    def __init__(self, grants: Grants, ticket: Ticket, want: Want, granted: float) -> None:
        self._grants = grants
        self.ticket = ticket
        self.want = want
        self.granted = granted
        self.waited_seconds = 0.0

    async def run(self, job: Job) -> Completion:
        """Run a job; the lease ends when the slot is free again. Cancelling kills the program."""
        return await self._grants.pool.run(job, self.give_back, self.want.memory_bytes)

    async def run_joined(self, job: Job, partner: Job, other: Lease) -> Joined:
        """Run a job here and the one that it talks with in the other's slot; as `run`."""
        reserved_bytes = (self.want.memory_bytes, other.want.memory_bytes)
        return await self._grants.pool.run_joined(job, partner, (self.give_back, other.give_back), reserved_bytes)

    def give_back(self) -> None:
        """End the lease; once."""
        self._grants.take_back(self)
