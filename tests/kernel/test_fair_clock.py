"""Wall limits on a crowded machine: waiting for a core is nobody's choice, sleeping is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from engine import Engine, Limits, Program, Verdict
from engine.machine import resources
from tests.support.hostile import named
from tests.support.runtimes import NewEngine

pytestmark = pytest.mark.kernel

SPINNERS = 24
SPINS = Program("while True: pass")
SPIN = Limits(cpu_seconds=60, wall_seconds=60, memory_bytes=32 << 20, processes=8)
ONE_SECOND = Limits(cpu_seconds=5, wall_seconds=1.0, memory_bytes=64 << 20, processes=16)
WORKS = Program("import time\nwhile time.process_time() < 0.3: pass\nprint(1)")
SLEEPS = Program("import time; time.sleep(30)")
SLEEPS_AND_ENDS = Program("import time; time.sleep(0.6)")
THREAD_SPINS = Program("""
import threading, time
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
time.sleep(60)
""")
WAITS_FOR_CHILD = Program("""
import os, time
if os.fork() == 0:
    while time.process_time() < 0.3: pass
    os._exit(0)
os.wait()
print(1)
""")
# As long as a nap at the least.
NAP_SECONDS = 0.002
NAPS = Program(f"""
import os, time
while True:
    time.sleep({NAP_SECONDS})
    os.write(1, b".")
""")


@contextlib.asynccontextmanager
async def crowd(engine: Engine) -> AsyncIterator[None]:
    """All cores are busy with many programs of the same engine."""
    spinning = [asyncio.create_task(engine.run(SPINS, limits=SPIN)) for _ in range(SPINNERS)]
    # Until each has started, and is no longer as young as what comes.
    await asyncio.sleep(4.0)
    assert engine.stats().running == SPINNERS
    try:
        yield
    finally:
        for task in spinning:
            task.cancel()
        await asyncio.wait(spinning)


@pytest.mark.native_only("the number of slots is native's")
async def test_honest_programs_keep_their_verdicts_in_a_crowd(new_engine: NewEngine) -> None:
    async with new_engine(slots=SPINNERS + 8) as engine, crowd(engine):
        programs = [WORKS, SLEEPS_AND_ENDS, WAITS_FOR_CHILD] * 2
        outcomes = await asyncio.gather(*[engine.run(program, limits=ONE_SECOND) for program in programs])
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED] * len(programs), outcomes


@pytest.mark.native_only("the number of slots is native's")
async def test_no_program_buys_time_in_a_crowd(new_engine: NewEngine) -> None:
    limits = Limits(cpu_seconds=20, wall_seconds=1.0, memory_bytes=64 << 20, processes=64)
    programs = {
        "asleep": SLEEPS,
        "naps": NAPS,
        "thread spins": THREAD_SPINS,
        "threads spin": named("wall_stretched.c").program,
    }
    async with new_engine(slots=SPINNERS + 8) as engine, crowd(engine):
        found = await asyncio.gather(*[engine.run(program, limits=limits) for program in programs.values()])
    outcomes = dict(zip(programs, found, strict=True))
    assert {(outcome.verdict, outcome.stopped_by) for outcome in found} == {(Verdict.TIME_LIMIT, "wall")}, outcomes
    assert 1.0 <= outcomes["asleep"].wall_seconds <= 1.3, outcomes["asleep"]
    # Those that slept, however short, paid for it; those that spun paid for what they used.
    naps = outcomes["naps"]
    assert 0.5 <= len(naps.stdout) * NAP_SECONDS + naps.cpu_seconds <= 1.5, naps
    for name in ("thread spins", "threads spin"):
        assert outcomes[name].cpu_seconds <= 1.3, outcomes[name]


async def test_on_an_idle_machine_the_clock_is_the_wall_clock(new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as engine:
        outcomes = [await engine.run(program, limits=ONE_SECOND) for program in (SLEEPS, THREAD_SPINS, SPINS)]
    assert {(outcome.verdict, outcome.stopped_by) for outcome in outcomes} == {(Verdict.TIME_LIMIT, "wall")}
    # Others may use this machine too: where they do, what spins is given the time that it waited.
    assert outcomes[0].wall_seconds <= 1.1, outcomes[0]
    assert all(outcome.cpu_seconds <= 1.1 for outcome in outcomes), outcomes


def test_this_machine_has_an_answer() -> None:
    live = resources.live_programs()
    assert resources.cores() <= live.slots <= 1024
    assert live.reason
