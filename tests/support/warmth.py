"""Slots brought to where their Pythons are ready."""

from __future__ import annotations

import asyncio

from engine import Engine, Program

_ROUNDS = 20


async def warm_up(engine: Engine, program: Program | None = None) -> Engine:
    """Have every slot run `program` until all of these runs are warm; raises AssertionError if they never are."""
    slots = engine.stats().slots
    started = []
    for _ in range(_ROUNDS):
        # All at once, so that no slot is left out.
        slow = program or Program(source="import time\ntime.sleep(0.02)")
        outcomes = await asyncio.gather(*(engine.run(slow) for _ in range(slots)))
        started = [outcome.started for outcome in outcomes]
        if set(started) == {"warm"}:
            return engine
    raise AssertionError(f"after {_ROUNDS} rounds: {started}")
