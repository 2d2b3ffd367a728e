"""A program that talks with another one, test by test: the two compile once, and run at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from msgspec import structs

from engine.harness.channel import Call
from engine.harness.kinds import Dialogue
from engine.jobs.compiler import Compiler
from engine.jobs.runner import Runner
from engine.jobs.work import Work
from engine.lease import Ticket
from engine.pool.job import Job
from engine.program import Outcome


async def dialogues(
    runner: Runner, compiler: Compiler, ticket: Ticket, work: Work, partner: Work, calls: Sequence[Call]
) -> AsyncGenerator[Dialogue, None]:
    """One dialogue for each of the partner's calls, in order; raises Overloaded, SandboxError."""
    compiled = await compiler.compile(runner, ticket, work)
    if compiled is not None and not compiled.outcome.clean:
        yield Dialogue(outcome=Outcome(compile=compiled.outcome, not_enforced=runner.not_enforced))
        return
    theirs = await compiler.compile(runner, ticket, partner)
    if theirs is not None and not theirs.outcome.clean:
        yield Dialogue(outcome=Outcome(), partner=Outcome(compile=theirs.outcome))
        return
    job = work.job(compiled, b"")
    for call in calls:
        beside = _patient(partner.test_job(theirs, call), job)
        outcome, partners, partner_first = await runner.run_joined(ticket, job, beside, compiled)
        yield Dialogue(outcome=outcome, partner=partners, partner_first=partner_first)


def _patient(partner: Job, job: Job) -> Job:
    # Where each waits for the other it is the program that is stopped, and the partner hears of it.
    limits = structs.replace(partner.limits, wall_seconds=partner.limits.wall + job.limits.wall)
    return structs.replace(partner, limits=limits)
