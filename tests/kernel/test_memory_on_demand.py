"""Runs are admitted for less memory than they may use; where that is too much together, some begin anew, unseen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.errors import SandboxError
from engine.harness.kinds import DialogueTest
from engine.program import MIB, Limits, Outcome, Program, Verdict
from tests.support.traces import cgroups

pytestmark = pytest.mark.kernel
# In the guest of that lane each takes a minute.
in_the_guest_too = pytest.mark.cgroup2

BUDGET = 640 * MIB
LIMITS = Limits(memory_bytes=300 * MIB, cpu_seconds=20)
# Holds what it has until it has been asleep, so that those that run together need it all at once.
HOLDS = """import time
held = bytearray({size} << 20)
held[::4096] = b"x" * len(held[::4096])
time.sleep({seconds})
print({what})"""


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    config = EngineConfig(slots=10, memory_bytes=BUDGET, limits=LIMITS, compile_limits=LIMITS)
    async with Engine(config=config) as engine:
        yield engine


def holder(size_mib: int, seconds: float = 1.0, what: str = "len(held)") -> Program:
    return Program(HOLDS.format(size=size_mib, seconds=seconds, what=what))


def leave(engine: Engine, size_bytes: int) -> None:
    """From now on the machine has so much for all slots together."""
    [limit] = [
        group / name
        for group in cgroups(engine.facts()["instance"])
        for name in ("memory.limit_in_bytes", "memory.max")
        if (group / name).exists()
    ]
    limit.write_text(str(size_bytes))


@in_the_guest_too
async def test_more_than_there_is_comes_out_right_all_the_same(engine: Engine) -> None:
    outcomes = await asyncio.gather(*(engine.run(holder(200), client=str(number)) for number in range(8)))
    assert [(outcome.verdict, outcome.stdout) for outcome in outcomes] == [(Verdict.ACCEPTED, b"209715200\n")] * 8
    stats = engine.stats()
    assert stats.evicted > 0
    assert (stats.runs, stats.faults, stats.not_judged, stats.running) == (8, 0, 0, 0)


async def test_who_uses_no_more_than_was_set_aside_stays(engine: Engine) -> None:
    small = [asyncio.create_task(engine.run(holder(30, 3.0), client=f"small {number}")) for number in range(4)]
    await asyncio.sleep(1)
    large = await asyncio.gather(*(engine.run(holder(250), client=f"large {number}") for number in range(4)))
    assert {outcome.verdict for outcome in large} == {Verdict.ACCEPTED}
    for outcome in await asyncio.gather(*small):
        # Begun anew, it would have waited for its slot once more.
        assert (outcome.verdict, outcome.queue_seconds < 0.5) == (Verdict.ACCEPTED, True)
    assert engine.stats().evicted > 0


async def test_its_own_limit_is_a_verdict_whatever_others_use(engine: Engine) -> None:
    others = [asyncio.create_task(engine.run(holder(200), client=str(number))) for number in range(4)]
    outcome = await engine.run(holder(400), client="bomb")
    assert outcome.verdict is Verdict.MEMORY_LIMIT
    assert {each.verdict for each in await asyncio.gather(*others)} == {Verdict.ACCEPTED}


@in_the_guest_too
async def test_what_the_kernel_kills_for_others_is_no_verdict(engine: Engine) -> None:
    """The machine has less than the engine thinks."""
    leave(engine, 450 * MIB)
    runs = [engine.run(holder(150), client=str(number)) for number in range(4)]
    outcomes = await asyncio.gather(*runs, return_exceptions=True)
    for outcome in outcomes:
        if not isinstance(outcome, SandboxError):
            assert isinstance(outcome, Outcome)
            assert outcome.verdict is Verdict.ACCEPTED, outcome
    assert engine.stats().evicted > 0


async def test_a_peak_of_an_earlier_run_is_not_this_ones() -> None:
    config = EngineConfig(slots=1, memory_bytes=BUDGET)
    async with Engine(config=config) as engine:
        outcome = await engine.run(holder(350, 0.1), limits=Limits(memory_bytes=500 * MIB))
        assert outcome.verdict is Verdict.ACCEPTED
        leave(engine, 150 * MIB)
        with pytest.raises(SandboxError, match="took back memory"):
            await engine.run(holder(200, 0.1), limits=LIMITS)


async def test_a_dialogue_begins_anew_with_both_its_sides(engine: Engine) -> None:
    asks = Program("import sys\nprint(7, flush=True)\nassert input() == '49'")
    answers = holder(250, what="int(input()) ** 2")

    async def talk(client: str) -> Verdict:
        tests = [DialogueTest()]
        async with contextlib.aclosing(engine.dialogues(answers, asks, tests, client=client)) as talks:
            [dialogue] = [dialogue async for dialogue in talks]
        assert dialogue.partner is not None
        assert dialogue.partner.exit_code == 0
        return dialogue.outcome.verdict

    assert set(await asyncio.gather(*(talk(str(number)) for number in range(4)))) == {Verdict.ACCEPTED}
    assert engine.stats().evicted > 0


async def test_a_dialogue_that_the_machine_has_no_memory_for_ends(engine: Engine) -> None:
    leave(engine, 250 * MIB)
    talks = engine.dialogues(holder(280, what="input()"), Program("print(7)"), [DialogueTest()])
    async with contextlib.aclosing(talks):
        with pytest.raises(SandboxError, match="took back memory"):
            async with asyncio.timeout(60):
                await anext(talks)
