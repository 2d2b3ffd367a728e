"""Whether each named kind of warm Python becomes ready, tried once at the start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from engine.languages.warm import Flavour
from engine.pool.images import Image
from engine.pool.pool import Pool
from engine.program import MIB, Limits

# Of an import that is once for all programs: torch takes seconds and hundreds of megabytes.
_LIMITS: Final = Limits(cpu_seconds=30, memory_bytes=1024 * MIB)
# A keeper waits this long for a zygote's modules, and a renewal comes before.
_PATIENCE_SECONDS: Final = 35.0
_PAUSE_SECONDS: Final = 0.005
_SHOWN: Final = 200


async def stay_cold(pool: Pool, images: Iterable[Image], memory_bytes: int) -> tuple[str, ...]:
    """What is wrong with each named kind that does not become ready in one of these images, a line each.

    Nothing else may run in the pool meanwhile.

    memory_bytes  the most that a run may have here
    """
    limits = Limits(cpu_seconds=_LIMITS.cpu_seconds, memory_bytes=min(_LIMITS.memory_bytes, memory_bytes))
    problems = []
    for image in images:
        for flavour in _one_of_each_kind(image):
            problem = await _problem(pool, image, flavour, limits)
            if problem is not None:
                problems.append(f"{', '.join(flavour.modules)} stays cold in {image.name}: {problem}")
    return tuple(problems)


def _one_of_each_kind(image: Image) -> Iterable[Flavour]:
    """The drivers' Pythons have the same modules as the programs'."""
    return {flavour.modules: flavour for flavour in reversed(image.flavours) if flavour.modules}.values()


async def _problem(pool: Pool, image: Image, flavour: Flavour, limits: Limits) -> str | None:
    source = "".join(f"import {module}\n" for module in flavour.modules).encode()
    job = image.job(flavour.argv, limits, files=((flavour.script, source, 0o644),), python=source)
    completion = await pool.run(job, _nothing, job.limits.memory_bytes)
    if completion.fault is not None:
        return f"could not be tried: {completion.fault}"
    if completion.stopped_by is not None:
        return f"stopped by the {completion.stopped_by} limit"
    if completion.exit_code != 0:
        # A traceback's frames are indented, and so may be the rest of a long message.
        said = [line for line in completion.stderr.decode(errors="replace").splitlines() if line[:1].strip()]
        return said[-1][:_SHOWN] if said else f"exit code {completion.exit_code}, signal {completion.signal}"
    # Its slot is renewed now, and gets its zygote.
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        ready, _, problem = pool.zygotes()[flavour.number]
        if problem is not None:
            return problem
        # It says so before it is seen what it has printed: a fork of it is the proof.
        if ready and (await pool.run(job, _nothing, job.limits.memory_bytes)).warm:
            return None
        await asyncio.sleep(_PAUSE_SECONDS)
    return f"not ready in {_PATIENCE_SECONDS:.0f} s"


def _nothing() -> None:
    """The slot is free: whoever waits for the run knows."""
