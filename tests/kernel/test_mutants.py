"""Hostile programs changed and put together: always an answer about the program, and a new slot afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, note, settings

from engine import Engine, Verdict
from tests.kernel.test_hostile import Probe, probe, same
from tests.support.hostile import named
from tests.support.mutants import COMPILE_LIMITS, LIMITS, Mutant, mutants

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

EXAMPLES = 40
SOAK_EXAMPLES = 2_000
CONTROL = named("control.py")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slot(host_services: list[str]) -> AsyncIterator[tuple[Engine, Engine, Probe]]:
    """The mutants' engine, the control program's, and what a new slot shows."""
    async with Engine(slots=1) as engine, Engine(slots=1) as other:
        yield engine, other, await probe(other)


async def judged(slot: tuple[Engine, Engine, Probe], mutant: Mutant) -> None:
    engine, other, as_new = slot
    note(f"made of {mutant.parents}")
    # A fault of ours would be raised here.
    outcome, control = await asyncio.gather(
        engine.run(mutant.program, mutant.stdin, LIMITS, compile_limits=COMPILE_LIMITS), CONTROL.run(other)
    )
    assert outcome.verdict in Verdict
    assert (outcome.exit_code is None) or (outcome.signal is None)
    assert len(outcome.stdout) <= LIMITS.output_bytes
    assert not (found := CONTROL.complaints(control)), "\n".join(found)
    same(await probe(engine), as_new)


# Found anew each time it is shrunk, a failure would take minutes to tell: the names of the parents tell enough.
quick = settings(deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck), print_blob=False)


@settings(quick, max_examples=EXAMPLES, derandomize=True)
@given(mutant=mutants())
async def test_a_mutant_is_judged_and_gone(slot: tuple[Engine, Engine, Probe], mutant: Mutant) -> None:
    await judged(slot, mutant)


@pytest.mark.soak
@settings(quick, max_examples=SOAK_EXAMPLES)
@given(mutant=mutants())
async def test_mutants_are_judged_and_gone(slot: tuple[Engine, Engine, Probe], mutant: Mutant) -> None:
    await judged(slot, mutant)
