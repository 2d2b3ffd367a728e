"""Jobs in leased slots, each brought to an outcome: a fault is settled here, and counted."""

from __future__ import annotations

from engine.errors import SandboxError
from engine.jobs.store import Compiled
from engine.pool.job import Completion, Job, outcome_of
from engine.program import Limits, Outcome
from engine.proof import faults
from engine.queue import Lease, Queue, Ticket
from engine.stats import Counters


class Runner:
    """Runs jobs for the requests in `queue`; `not_enforced` goes into every outcome."""

    def __init__(self, queue: Queue, counters: Counters, not_enforced: tuple[str, ...]) -> None:
        self._queue = queue
        self._counters = counters
        self.not_enforced = not_enforced

    async def lease(self, ticket: Ticket, limits: Limits) -> Lease:
        """Wait for a slot to run something with these limits; raises Overloaded, SandboxError."""
        return await self._queue.lease(ticket, limits)

    def spare(self, client: str, limits: Limits) -> Lease | None:
        """A slot that is free at once, for what is only run ahead."""
        return self._queue.spare(client, limits)

    async def run_spare(self, lease: Lease, job: Job, compiled: Compiled | None = None) -> Outcome:
        """Run `job` in a slot that `spare` gave; as `run_in`."""
        try:
            return await self.run_in(lease, job, compiled)
        finally:
            self._queue.leave(lease.ticket)

    async def run(self, ticket: Ticket, job: Job, compiled: Compiled | None = None) -> Outcome:
        """Wait for a slot and run `job` in it, after the compile step that made its program, if one did."""
        return await self.run_in(await self.lease(ticket, job.limits), job, compiled)

    async def run_in(self, lease: Lease, job: Job, compiled: Compiled | None = None) -> Outcome:
        """Run `job` in a slot that is held; raises SandboxError for a fault of ours."""
        completion = await lease.run(job)
        if completion.fault is not None:
            completion = await self._settled(lease.ticket, job, completion)
        compile_outcome = None if compiled is None else compiled.outcome
        outcome = outcome_of(completion, lease.waited_seconds, compile_outcome, self.not_enforced)
        self._counters.ended(outcome.verdict)
        return outcome

    async def _settled(self, ticket: Ticket, job: Job, first: Completion) -> Completion:
        async def attempt(job: Job) -> Completion:
            # What has been admitted is judged: our trouble must not run out the client's patience.
            lease = await self._queue.lease(ticket, job.limits, patient=True)
            completion = await lease.run(job)
            self._counters.faults += completion.fault is not None
            return completion

        self._counters.faults += 1
        try:
            return await faults.settle(job, first, attempt)
        except SandboxError:
            self._counters.sound = False
            raise
