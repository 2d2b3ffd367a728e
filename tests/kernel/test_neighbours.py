"""An honest program keeps its verdict beside each hostile one, and pays no more CPU time than alone.

Its twin without the neighbour runs just before; the median of five such rounds counts, and where that is past the bound
the median of fifteen, and then of forty-five: of two hundred neighbours chance makes one look dear in five.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from engine import Engine
from engine.config.engine import Runtime
from tests.support.hostile import Hostile, named, programs
from tests.support.runtimes import NewEngine

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.thorough,
    pytest.mark.crun_is_soak(
        "what a neighbour pays is the control groups' doing, the same for both, and crun's takes minutes"
    ),
    pytest.mark.asyncio(loop_scope="module"),
    # Those that look dear take long.
    pytest.mark.timeout(400),
]

ROUNDS = 5
# The first look, at many at once; what looks dear there gets its five rounds alone.
CROWDED_ROUNDS: dict[Runtime, int] = {"native": ROUNDS, "crun": 1}
GROUP = 16
# Hostile programs at a time, each with a control program of its own; more than there are cores.
PAIRS = 4
MOST_TIMES_ALONE = 1.3
MORE_ROUNDS = (10, 30)
CONTROL = named("control.py")
HOSTILE = [hostile for hostile in programs() if hostile.section not in ("Languages", "Cheating the judge")]
GROUPS = [HOSTILE[first : first + GROUP] for first in range(0, len(HOSTILE), GROUP)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(host_services: list[str], new_engine: NewEngine) -> AsyncIterator[Engine]:
    async with new_engine(slots=2 * PAIRS) as engine:
        yield engine


async def control(engine: Engine) -> float:
    """CPU seconds of the honest program, which has to be right."""
    outcome = await CONTROL.run(engine)
    assert not (found := CONTROL.complaints(outcome)), "\n".join(found)
    return outcome.cpu_seconds


async def times_alone(engine: Engine, hostiles: Sequence[Hostile], times: int, at_once: int) -> dict[str, list[float]]:
    """What the control program's CPU time beside each is of its twin's, alone just before, in each round."""
    pairs = asyncio.Semaphore(at_once)
    rounds: dict[str, list[float]] = {hostile.name: [] for hostile in hostiles}

    async def beside(hostile: Hostile, alone: float) -> None:
        async with pairs:
            neighbour = asyncio.create_task(hostile.run(engine))
            rounds[hostile.name].append(await control(engine) / alone)
            await neighbour

    for _ in range(times):
        alone = await control(engine)
        await asyncio.gather(*[beside(hostile, alone) for hostile in hostiles])
    return rounds


async def is_dear(engine: Engine, hostile: Hostile) -> bool:
    ratios: list[float] = []
    for times in (ROUNDS, *MORE_ROUNDS):
        ratios += (await times_alone(engine, [hostile], times, 1))[hostile.name]
        if statistics.median(ratios) <= MOST_TIMES_ALONE:
            return False
    return True


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"{group[0].name}-{group[-1].name}")
async def test_a_neighbour_pays_nothing(engine: Engine, runtime: Runtime, group: list[Hostile]) -> None:
    crowded = await times_alone(engine, group, CROWDED_ROUNDS[runtime], PAIRS)
    # With so many at once they also take each other's caches: one that looks dear is looked at by itself.
    looks_dear = [hostile for hostile in group if statistics.median(crowded[hostile.name]) > MOST_TIMES_ALONE]
    assert not [hostile.name for hostile in looks_dear if await is_dear(engine, hostile)]
