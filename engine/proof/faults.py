"""Whose fault a fault is: a program must not be able to buy "not judged" by crashing its sandbox.

A fault with a counter up (out of memory, a refused process) or a limit hit is the program's at once. Any other is tried
once more. If that faults too, a control program says whether the sandbox is sound, and then one last try decides. Two
faults and a control that runs would not do: what was wrong with us may have passed in between.
A fault that no program can bring about counts against none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from engine.errors import SandboxError
from engine.pool.job import Completion, Job
from engine.proof.control import CONTROL

PAUSE_SECONDS: Final = 0.1


async def settle(
    job: Job,
    first: Completion,
    attempt: Callable[[Job], Awaitable[Completion]],
    again: Callable[[Job], Awaitable[Completion]] | None = None,
) -> Completion:
    """The completion to judge `job` by, after `first` faulted; raises SandboxError if the fault is ours.

    again  how to try the job itself anew, where it takes more than a slot for it; None: as the control program
    """
    if _program_did_it(first):
        return first
    # Whatever took one keeper may just have hit them all: their ends are heard, and their slots made anew, by then;
    # so before the control program too.
    again = again or attempt
    cold = msgspec.structs.replace(job, flavour=None)
    await asyncio.sleep(PAUSE_SECONDS)
    second = await again(cold)
    if second.fault is None or _program_did_it(second):
        return second
    if first.blameless or second.blameless:
        raise SandboxError(f"the sandbox faulted twice: {first.fault}; {second.fault}")
    await asyncio.sleep(PAUSE_SECONDS)
    control = await attempt(msgspec.structs.replace(CONTROL, image=job.image))
    if control.fault is not None or control.exit_code != 0:
        raise SandboxError(f"the sandbox faulted twice, and once with a control program: {second.fault}")
    last = await again(cold)
    if last.blameless:
        raise SandboxError(f"the sandbox faulted three times: {last.fault}")
    return last


def _program_did_it(completion: Completion) -> bool:
    return bool(completion.oom_kills or completion.refused_processes or completion.stopped_by is not None)
