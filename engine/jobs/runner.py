"""Jobs in leased slots, each brought to an outcome: a fault is settled here, and counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from engine.errors import SandboxError
from engine.jobs.store import Compiled
from engine.lease import Lease, Ticket
from engine.log import fields
from engine.pool.job import EVICTED, TAKEN_BACK, Completion, Job, Joined, outcome_of
from engine.program import Limits, Outcome
from engine.proof import faults
from engine.queue import Queue
from engine.stats import Counters
from engine.trace import TRACE, Attributes

log = logging.getLogger("assay.engine")


class Talked(NamedTuple):
    """What two programs did that talked with each other."""

    outcome: Outcome
    partner: Outcome
    partner_first: bool


class Runner:
    """Runs jobs for the requests in `queue`; `not_enforced` goes into every outcome."""

    def __init__(self, queue: Queue, counters: Counters, not_enforced: tuple[str, ...]) -> None:
        self._queue = queue
        self._counters = counters
        self.not_enforced = not_enforced

    async def lease(self, ticket: Ticket, limits: Limits, *, whole: bool = False) -> Lease:
        """Wait for a slot to run something with these limits; raises Overloaded, SandboxError.

        whole  all the memory that it may use is set aside for it
        """
        return await self._queue.lease(ticket, limits, whole=whole)

    def spare(self, client: str, limits: Limits) -> Lease | None:
        """A slot that is free at once, for what is only run ahead."""
        return self._queue.spare(client, limits)

    async def run_spare(
        self, lease: Lease, job: Job, compiled: Compiled | None = None, *, test: int | None = None
    ) -> Outcome:
        """Run `job` in a slot that `spare` gave; as `run_in`."""
        try:
            return await self.run_in(lease, job, compiled, test=test)
        finally:
            self._queue.leave(lease.ticket)

    async def run(
        self, ticket: Ticket, job: Job, compiled: Compiled | None = None, *, test: int | None = None
    ) -> Outcome:
        """Wait for a slot and run `job` in it, after the compile step that made its program, if one did."""
        return await self.run_in(await self.lease(ticket, job.limits), job, compiled, test=test)

    async def run_in(
        self,
        lease: Lease,
        job: Job,
        compiled: Compiled | None = None,
        *,
        step: str = "run",
        test: int | None = None,
    ) -> Outcome:
        """Run `job` in a slot that is held; raises SandboxError for a fault of ours.

        step  what a trace calls it
        test  the test that it is, by index, of a request with several
        """
        began = time.monotonic()
        completion = await lease.run(job)
        if completion.stopped_by == EVICTED:
            lease, completion = await self._run_whole(lease, job)
        if completion.fault is not None:
            completion = await self._settled(lease.ticket, job, completion)
        compile_outcome = None if compiled is None else compiled.outcome
        outcome = outcome_of(completion, lease.waited_seconds, compile_outcome, self.not_enforced)
        self._counters.ended(outcome.verdict)
        _trace_run(step, began, outcome, {"run_id": completion.run_id} | ({} if test is None else {"test": test}))
        return outcome

    async def _run_whole(self, evicted: Lease, job: Job) -> tuple[Lease, Completion]:
        """Run it anew with all its memory set aside: it cannot be evicted twice."""
        self._evicted(evicted.ticket)
        lease = await self._queue.lease(evicted.ticket, job.limits, patient=True)
        lease.waited_seconds += evicted.waited_seconds
        return lease, await lease.run(job)

    def _evicted(self, ticket: Ticket) -> None:
        ticket.was_evicted = True
        self._counters.evicted += 1

    async def run_joined(self, ticket: Ticket, job: Job, partner: Job, compiled: Compiled | None) -> Talked:
        """Run `job` and the one that it talks with, each in a slot of its own; raises Overloaded, SandboxError."""
        began = time.monotonic()
        compile_outcome = None if compiled is None else compiled.outcome
        joined, waited_seconds = await self._joined(ticket, job, partner, patient=False)
        if joined.partner.fault is not None:
            await asyncio.sleep(faults.PAUSE_SECONDS)
            joined, waited_seconds = await self._joined(ticket, job, partner, patient=True)
        if joined.partner.fault is not None:
            self._counters.sound = False
            raise SandboxError(f"the sandbox faulted twice beside a program: {joined.partner.fault}")
        outcome = outcome_of(
            joined.completion, waited_seconds, compile_outcome, self.not_enforced, left_alone=joined.left_alone
        )
        self._counters.ended(outcome.verdict)
        partner_outcome = outcome_of(joined.partner, waited_seconds, None, self.not_enforced)
        began += waited_seconds
        _trace_run("run", began, outcome, {"run_id": joined.completion.run_id})
        _trace_run("run of the partner", began, partner_outcome, {"run_id": joined.partner.run_id}, queued=False)
        return Talked(outcome, partner_outcome, joined.partner_first)

    async def _joined(
        self, ticket: Ticket, job: Job, partner: Job, *, patient: bool, anew: bool = False
    ) -> tuple[Joined, float]:
        """How both ended, and how long they waited; a fault that is left in the first one's end is the program's.

        anew  one of them was evicted before, and both have all their memory set aside
        """
        mine, other = await self._queue.lease_together(ticket, job.limits, partner.limits, patient=patient)
        joined = await mine.run_joined(job, partner, other)
        if EVICTED in (joined.completion.stopped_by, joined.partner.stopped_by):
            self._evicted(ticket)
            if anew:
                raise SandboxError(TAKEN_BACK)
            return await self._joined(ticket, job, partner, patient=True, anew=True)
        if joined.partner.fault is not None:
            self._counters.faults += 1
            log.info("the sandbox faulted: %s", joined.partner.fault, extra=fields(run_id=joined.partner.run_id))
        if joined.completion.fault is not None and joined.partner.fault is None:
            latest = joined

            async def again(job: Job) -> Completion:
                nonlocal latest
                leases = await self._queue.lease_together(ticket, job.limits, partner.limits, patient=True, whole=True)
                latest = await leases[0].run_joined(job, partner, leases[1])
                self._counters.faults += latest.completion.fault is not None
                return latest.completion

            completion = await self._settled(ticket, job, joined.completion, again)
            joined = latest._replace(completion=completion)
        return joined, mine.waited_seconds

    async def _settled(
        self,
        ticket: Ticket,
        job: Job,
        first: Completion,
        again: Callable[[Job], Awaitable[Completion]] | None = None,
    ) -> Completion:
        async def attempt(job: Job) -> Completion:
            # What has been admitted is judged: our trouble must not run out the client's patience.
            lease = await self._queue.lease(ticket, job.limits, patient=True, whole=True)
            completion = await lease.run(job)
            self._counters.faults += completion.fault is not None
            return completion

        self._counters.faults += 1
        # What comes of it is told by whoever settles it: most runs end well at the second try.
        log.info("the sandbox faulted: %s", first.fault, extra=fields(run_id=first.run_id))
        if (trace := TRACE.get()) is not None:
            trace.note("fault", {"run_id": first.run_id, "fault": str(first.fault)})
        try:
            return await faults.settle(job, first, attempt, again)
        except SandboxError:
            self._counters.sound = False
            raise


def _trace_run(step: str, began: float, outcome: Outcome, told: Attributes, *, queued: bool = True) -> None:
    trace = TRACE.get()
    if trace is None:
        return
    if queued:
        trace.add("queue", began - outcome.queue_seconds, began, told)
    facts: Attributes = {
        **told,
        "verdict": outcome.verdict.value,
        "cpu_seconds": outcome.cpu_seconds,
        "wall_seconds": outcome.wall_seconds,
        "queue_seconds": outcome.queue_seconds,
        "peak_memory_bytes": outcome.peak_memory_bytes,
        "started": outcome.started,
    }
    trace.add(step, began, time.monotonic(), facts)
