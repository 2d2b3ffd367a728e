"""Limits fire in time, whatever happens elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import time
from collections.abc import AsyncIterator, Callable

import pytest

from engine.engine import Engine
from engine.program import Limits, Outcome, Program, Verdict
from tests.support.hostile import named
from tests.support.runtimes import NewEngine
from tests.support.traces import Instance, children, name_of, programs_of, running

pytestmark = pytest.mark.kernel

LATE_SECONDS = 0.05
SAMPLES = 8
SLEEPS = Program(source="exec sleep 1000", language="bash")
SPINS = Program(source="while :; do :; done", language="bash")
ONE_SECOND = Limits(wall_seconds=1.0)
# The twin of a program that is stopped after a second is one that ends by itself then.
ENDS = Program(source="exec sleep 1", language="bash")
PATIENT = Limits(wall_seconds=30)


@contextlib.asynccontextmanager
async def churning(engine: Engine, victims: Callable[[Engine], list[int]]) -> AsyncIterator[set[int]]:
    """Kills keepers of `engine` as fast as they are made anew; yields those that were killed."""
    killed: set[int] = set()

    async def churn() -> None:
        while True:
            for pid in victims(engine):
                if pid not in killed:
                    killed.add(pid)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(churn())
    try:
        yield killed
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def all_keepers(engine: Engine) -> list[int]:
    return [int(pid) for pid in engine.facts()["keeper_pids"].split()]


def other_keepers(spared: int, engine: Engine) -> list[int]:
    return [pid for pid in all_keepers(engine) if pid != spared]


def are_new(engine: Engine, killed: set[int]) -> bool:
    return killed.isdisjoint(all_keepers(engine))


async def busy_keeper(engine: Engine) -> int:
    """The one keeper whose program sleeps."""
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        for pid in all_keepers(engine):
            if "sleep" in map(name_of, children(pid)):
                return pid
        await asyncio.sleep(0.005)
    raise AssertionError("no program sleeps")


async def stopped_beside_its_twin(engine: Engine, beside: Engine) -> tuple[Outcome, float]:
    """A run that is stopped after a second, and how long the machine has let its twin wait in that time."""
    outcome, twin = await asyncio.gather(engine.run(SLEEPS, limits=ONE_SECOND), beside.run(ENDS, limits=PATIENT))
    assert twin.clean, twin
    return outcome, twin.wall_seconds - twin.cpu_seconds - 1.0


def assert_in_time(runs: list[tuple[Outcome, float]]) -> None:
    """No run was stopped late, beyond what the machine had everybody wait."""
    assert {(outcome.verdict, outcome.stopped_by) for outcome, _ in runs} == {(Verdict.TIME_LIMIT, "wall")}
    late = sorted(outcome.wall_seconds - 1.0 for outcome, _ in runs)
    assert late[0] >= 0, late
    waited = max(waited for _, waited in runs)
    assert late[-1] <= LATE_SECONDS + waited, (late, waited)


@pytest.mark.native_only("keepers are killed as fast as only native slots are made")
async def test_a_wall_limit_while_another_engine_makes_slots(new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as engine, new_engine(slots=1) as beside, new_engine(slots=4) as other:
        async with churning(other, all_keepers) as killed:
            runs = [await stopped_beside_its_twin(engine, beside) for _ in range(SAMPLES)]
        assert len(killed) >= 40, "the slots were not made anew"
    assert_in_time(runs)


@pytest.mark.native_only("keepers are killed as fast as only native slots are made")
async def test_a_wall_limit_while_the_same_engine_makes_slots(new_engine: NewEngine) -> None:
    async with new_engine(slots=5) as engine, new_engine(slots=1) as beside:
        runs = []
        killed_in_all = 0
        for _ in range(SAMPLES):
            under_way = asyncio.create_task(stopped_beside_its_twin(engine, beside))
            # Started before the killing, so that the one that is to be spared is known.
            spared = await busy_keeper(engine)
            async with churning(engine, functools.partial(other_keepers, spared)) as killed:
                runs.append(await under_way)
            killed_in_all += len(killed)
            # The last ones are still being made anew.
            await until(functools.partial(are_new, engine, killed))
        assert killed_in_all >= 40, "the slots were not made anew"
    assert_in_time(runs)


async def test_a_wall_limit_among_spinning_neighbours(new_engine: NewEngine) -> None:
    async with new_engine(slots=5) as engine:
        spinning = [asyncio.create_task(engine.run(SPINS, limits=Limits(cpu_seconds=30, cpus=2))) for _ in range(3)]
        await until(lambda: len(running(Instance.of(engine.facts()))) == 3)
        runs = [await stopped_beside_its_twin(engine, engine) for _ in range(SAMPLES // 2)]
        for task in spinning:
            task.cancel()
        await asyncio.wait(spinning)
    assert_in_time(runs)


@pytest.mark.native_only("keepers are killed as fast as only native slots are made")
@pytest.mark.parametrize("cpus", [1.0, 2.0])
async def test_a_cpu_limit_while_another_engine_makes_slots(cpus: float, new_engine: NewEngine) -> None:
    limits = Limits(cpu_seconds=0.5, cpus=cpus)
    async with new_engine(slots=1) as engine, new_engine(slots=4) as other, churning(other, all_keepers):
        outcomes = [await engine.run(SPINS, limits=limits) for _ in range(3)]
        outcomes += [await engine.run(named("spin_threads.c").program, limits=limits) for _ in range(3)]
    assert {(outcome.verdict, outcome.stopped_by) for outcome in outcomes} == {(Verdict.TIME_LIMIT, "cpu")}
    used = sorted(outcome.cpu_seconds for outcome in outcomes)
    assert used[0] >= 0.5, used
    # The clock may be late on every core.
    assert used[-1] <= 0.5 + LATE_SECONDS * cpus, used


async def test_cpus_are_a_limit(new_engine: NewEngine) -> None:
    """Eight spinning threads on half a core use half a second in one."""
    async with new_engine(slots=1) as engine:
        outcome = await engine.run(
            named("spin_threads.c").program, limits=Limits(cpu_seconds=10, wall_seconds=1.0, cpus=0.5)
        )
    assert (outcome.verdict, outcome.stopped_by) == (Verdict.TIME_LIMIT, "wall")
    # One period of the kernel's may be half over at either end.
    assert 0.3 <= outcome.cpu_seconds <= 0.65 * outcome.wall_seconds, outcome


@pytest.mark.native_only("keepers are killed as fast as only native slots are made")
@pytest.mark.parametrize("program", [SLEEPS, SPINS], ids=["asleep", "spinning"])
async def test_a_cancel_kills(program: Program, new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as engine, new_engine(slots=4) as other, churning(other, all_keepers):
        instance = Instance.of(engine.facts())
        under_way = asyncio.create_task(engine.run(program, limits=Limits(cpu_seconds=60)))
        await until(lambda: any(map(functools.partial(is_one_of, {"sleep", "bash"}), programs_of(instance))))
        started = programs_of(instance)
        under_way.cancel()
        cancelled = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await under_way
        while any(map(functools.partial(is_one_of, {"sleep", "bash"}), started)):
            assert time.monotonic() - cancelled < 0.5, "it lives on"
            await asyncio.sleep(0.005)
        answer = named("right_bash.sh")
        assert answer.complaints(await engine.run(answer.program, answer.stdin)) == []
        assert time.monotonic() - cancelled < 1.0


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def is_one_of(names: set[str], pid: int) -> bool:
    return name_of(pid) in names


async def test_a_cancel_in_the_queue_runs_nothing(new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as engine:
        first = asyncio.create_task(engine.run(SLEEPS, limits=Limits(wall_seconds=0.4)))
        await until(lambda: engine.stats().running == 1)
        waiting = asyncio.create_task(engine.run(SPINS, limits=Limits(cpu_seconds=30)))
        await until(lambda: engine.stats().queued == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await first).stopped_by == "wall"
        assert engine.stats().runs == 1
