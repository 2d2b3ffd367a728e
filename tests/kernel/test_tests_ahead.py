"""Tests of one program run in slots that nobody else wants, and are answered in order."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from engine import Engine, Program, SandboxError, StdinTest
from tests.support.runtimes import NewEngine

pytestmark = pytest.mark.kernel

SLEEPY = Program("import time\nn = float(input())\ntime.sleep(n)\nprint(n)")


async def until_idle(engine: Engine) -> None:
    for _ in range(500):
        stats = engine.stats()
        if (stats.running, stats.queued, stats.bytes_held) == (0, 0, 0):
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"not idle: {engine.stats()}")


async def test_idle_slots_share_the_tests_and_the_order_is_kept(new_engine: NewEngine) -> None:
    seconds = [0.6, 0.1, 0.5, 0.2, 0.4, 0.3, 0.6, 0.1]
    async with new_engine(slots=4) as engine:
        began = time.monotonic()
        outputs = [run.outcome.stdout async for run in engine.tests(SLEEPY, [StdinTest(b"%f" % n) for n in seconds])]
        took = time.monotonic() - began
        assert outputs == [f"{n}\n".encode() for n in seconds]
        assert took < 0.75 * sum(seconds), took
        await until_idle(engine)


@pytest.mark.parametrize("seen", [0, 1, 3])
async def test_who_stops_early_ends_what_ran_ahead(new_engine: NewEngine, seen: int) -> None:
    async with new_engine(slots=3) as engine:
        runs = engine.tests(SLEEPY, [StdinTest(b"0.05")] * 3 + [StdinTest(b"30")] * 5)
        began = time.monotonic()
        async with contextlib.aclosing(runs):
            for _ in range(seen):
                assert (await anext(runs)).outcome.stdout == b"0.05\n"
        await until_idle(engine)
        assert time.monotonic() - began < 10
        assert (await engine.run(Program("print(1)"))).stdout == b"1\n"


async def test_cancelling_at_any_moment_leaves_no_slot_taken(new_engine: NewEngine) -> None:
    async def all_of(engine: Engine) -> None:
        async for _ in engine.tests(SLEEPY, [StdinTest(b"0.02")] * 8):
            pass

    async with new_engine(slots=3) as engine:
        for steps in range(40):
            task = asyncio.create_task(all_of(engine))
            for _ in range(steps % 10):
                await asyncio.sleep(0)
            await asyncio.sleep(steps // 10 * 0.01)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await until_idle(engine)
        assert len([run async for run in engine.tests(SLEEPY, [StdinTest(b"0.02")] * 8)]) == 8


async def test_what_runs_ahead_does_not_keep_others_waiting(new_engine: NewEngine) -> None:
    async with new_engine(slots=2) as engine:
        ended = 0

        async def many() -> None:
            nonlocal ended
            async for _ in engine.tests(SLEEPY, [StdinTest(b"0.3")] * 30, client="many"):
                ended += 1

        task = asyncio.create_task(many())
        await asyncio.sleep(0.1)
        for _ in range(3):
            assert (await engine.run(Program("print(1)"), client="one")).stdout == b"1\n"
        # Each waited for those under way and no other, and some may have ended while it ran.
        assert ended <= 12, ended
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await until_idle(engine)


async def test_a_closing_engine_ends_what_runs_ahead(new_engine: NewEngine) -> None:
    async with new_engine(slots=2) as engine:
        runs = engine.tests(SLEEPY, [StdinTest(b"30")] * 4)
        first = asyncio.ensure_future(anext(runs))
        await asyncio.sleep(0.2)
    with pytest.raises(SandboxError):
        await first
