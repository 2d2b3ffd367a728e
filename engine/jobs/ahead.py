"""Many jobs of one request, in order: one in its own turn, others ahead of it in slots that nobody else wants."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from engine.jobs.runner import Runner
from engine.jobs.store import Compiled
from engine.lease import Ticket
from engine.pool.job import Job
from engine.program import Outcome

# Runs ahead are lost where the request stops early, and their outcomes are held until they are asked for.
MOST_AHEAD: Final = 32


async def in_order(
    runner: Runner, ticket: Ticket, jobs: Sequence[Job], compiled: Compiled | None
) -> AsyncGenerator[tuple[int, Outcome], None]:
    """(index, outcome) of each job, by index; raises as `Runner.run`, when the failed one's turn comes.

    A job takes a spare slot only while no request waits, so that nobody is served later for it. Closing the generator
    ends what runs.
    """
    ahead: deque[asyncio.Task[Outcome]] = deque()
    started = 0
    try:
        for index, job in enumerate(jobs):
            if index == started:
                started += 1
                ahead.append(asyncio.create_task(runner.run(ticket, job, compiled, test=index)))
                # It takes its slot before any other looks for a spare one. A task that has begun gives its slot back
                # when it is cancelled; so nothing else may happen before it has.
                await asyncio.sleep(0)
            while started < len(jobs) and len(ahead) <= MOST_AHEAD:
                lease = runner.spare(ticket.client, jobs[started].limits)
                if lease is None:
                    break
                ahead.append(asyncio.create_task(runner.run_spare(lease, jobs[started], compiled, test=started)))
                started += 1
            await asyncio.sleep(0)
            outcome = await ahead[0]
            ahead.popleft()
            yield index, outcome
    finally:
        for task in ahead:
            task.cancel()
        # Collected here, so that no error is left over for the log.
        await asyncio.gather(*ahead, return_exceptions=True)
