"""The engine with the real sandbox below it: cancelled, crowded, closed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from engine import CannotStart, Engine, EngineConfig, Limits, Overloaded, Program, SandboxError, Verdict
from engine.program import MIB
from tests.support.runtimes import NewEngine

pytestmark = pytest.mark.kernel

FOREVER = Program("while True: pass")
SHORT = Limits(cpu_seconds=0.3)


@pytest_asyncio.fixture
async def engine(new_engine: NewEngine) -> AsyncIterator[Engine]:
    async with new_engine(slots=2) as engine:
        yield engine


async def until(condition: Any, seconds: float = 2.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def processes_with(word: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in text:
            found.append(text)
    return found


async def test_cancelling_kills_the_program(engine: Engine) -> None:
    word = f"cancel-me-{os.getpid()}"
    program = Program(f"exec -a {word} sleep 1000", "bash")
    task = asyncio.create_task(engine.run(program))
    await until(lambda: processes_with(word))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not processes_with(word), 1.0)
    await until(lambda: engine.stats().running == 0)
    assert (await engine.run(Program("print(1)"))).stdout == b"1\n"
    stats = engine.stats()
    assert (stats.queued, stats.bytes_held, stats.not_judged) == (0, 0, 0)


async def test_cancelled_requests_leave_the_queue(new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as engine:
        tasks = [asyncio.create_task(engine.run(FOREVER)) for _ in range(20)]
        await until(lambda: engine.stats().running == 1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (await engine.run(Program("print(1)"))).stdout == b"1\n"
        assert (engine.stats().queued, engine.stats().bytes_held) == (0, 0)


async def test_a_full_queue_refuses_and_a_deadline_expires(new_engine: NewEngine) -> None:
    async with new_engine(slots=1, queue_runs=2) as engine:
        limits = Limits(cpu_seconds=1)
        tasks = [asyncio.create_task(engine.run(FOREVER, limits=limits)) for _ in range(2)]
        await asyncio.sleep(0)
        late = asyncio.create_task(engine.run(Program("print(1)"), deadline_seconds=0.2))
        await asyncio.sleep(0)
        # At once: it does not wait for anything.
        with pytest.raises(Overloaded, match="full"):
            engine.run(Program("print(1)")).send(None)
        with pytest.raises(Overloaded, match="deadline passed"):
            await late
        assert [(await task).verdict for task in tasks] == [Verdict.TIME_LIMIT] * 2
        stats = engine.stats()
        assert (stats.refused, stats.expired, stats.not_judged) == (1, 1, 0)


async def test_every_admitted_run_is_judged_behind_endless_loops(new_engine: NewEngine) -> None:
    async with new_engine(slots=2) as engine:
        loops = [asyncio.create_task(engine.run(FOREVER, limits=SHORT, client="loops")) for _ in range(12)]
        right = [asyncio.create_task(engine.run(Program(f"print({number})"), client="right")) for number in range(6)]
        assert [(await task).stdout for task in right] == [b"%d\n" % number for number in range(6)]
        # In turn: the right ones did not wait for all the loops.
        assert not all(task.done() for task in loops)
        assert [(await task).verdict for task in loops] == [Verdict.TIME_LIMIT] * 12


async def test_closing_ends_what_runs(new_engine: NewEngine) -> None:
    engine = new_engine(slots=1)
    async with engine:
        tasks = [asyncio.create_task(engine.run(FOREVER)) for _ in range(3)]
        await until(lambda: engine.stats().running == 1)
    for task in tasks:
        with pytest.raises(SandboxError, match="closed"):
            await task
    with pytest.raises(SandboxError, match="closed"):
        await engine.run(Program("1"))


async def test_two_engines_at_once(new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as first, new_engine(slots=1) as second:
        outcomes = await asyncio.gather(first.run(Program("print(1)")), second.run(Program("print(2)")))
        assert [outcome.stdout for outcome in outcomes] == [b"1\n", b"2\n"]
        assert first.facts()["instance"] != second.facts()["instance"]


async def test_an_engine_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="pid_max"):
        await Engine(slots=100_000).__aenter__()
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(CannotStart) as caught:
        await Engine(slots=1, config=EngineConfig(state_dir=str(blocked))).__aenter__()
    assert "\n" not in str(caught.value)
    with pytest.raises(SandboxError, match="async with"):
        await Engine(slots=1).run(Program("1"))


async def test_start_up_files_are_not_charged_to_the_first_program(new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as engine:
        peaks = [(await engine.run(Program("pass"))).peak_memory_bytes for _ in range(3)]
    assert max(peaks) < 2 * min(peaks) + 2 * MIB
