"""Whoever of ours is killed: nothing of the instance stays behind, and no neighbour notices."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.config.engine import Runtime
from engine.engine import Engine
from engine.errors import CannotStart, SandboxError
from engine.program import Limits, Outcome, Program, Verdict
from tests.support.hostile import named
from tests.support.runtimes import NewEngine
from tests.support.traces import (
    Before,
    Instance,
    children,
    left,
    name_of,
    programs_of,
    running,
    wait_until_nothing,
    wait_until_running,
)

pytestmark = pytest.mark.kernel

CLEAN_SECONDS = 2.0
ROOT = Path(__file__).parents[2]
RIGHT = named("right_python.py")
SLOW = Program(source="import time; time.sleep(1.0); print('slow')")


@dataclass(frozen=True)
class Victim:
    process: subprocess.Popen[str]
    instance: Instance
    child: int


@contextlib.contextmanager
def victim(runtime: Runtime, *arguments: str) -> Iterator[Victim]:
    """Another process with an engine whose programs are under way."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.victim", runtime, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    child = 0
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        child = told["child"]
        instance = Instance.of(told["facts"])
        assert len(programs_of(instance)) >= 5, "the programs are not under way"
        yield Victim(process, instance, child)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        if child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


@contextlib.asynccontextmanager
async def untouched_neighbour() -> AsyncIterator[None]:
    """A second engine with a program under way, which must not notice anything."""
    async with Engine(slots=1) as engine:
        facts = engine.facts()
        under_way = asyncio.create_task(engine.run(SLOW))
        await wait_until_running(Instance.of(facts))
        yield
        outcome = await under_way
        assert (outcome.verdict, outcome.stdout) == (Verdict.ACCEPTED, b"slow\n")
        # It may be warm by now.
        assert {**engine.facts(), "warm": ""} == {**facts, "warm": ""}
        assert RIGHT.complaints(await run_right(engine)) == []
        assert engine.stats().faults == 0


async def run_right(engine: Engine) -> Outcome:
    return await engine.run(RIGHT.program, RIGHT.stdin, RIGHT.limits)


def kill(*pids: int) -> None:
    for pid in pids:
        # A container is used once: its keeper may be gone by itself.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.cgroup2
@pytest.mark.parametrize("arguments", [(), ("fork",)], ids=["alone", "with a forked child"])
async def test_the_engine_is_killed(arguments: tuple[str, ...], runtime: Runtime) -> None:
    async with untouched_neighbour():
        before = Before.now()
        with victim(runtime, *arguments) as killed:
            kill(killed.process.pid)
            await asyncio.to_thread(killed.process.wait)
            spared = frozenset({killed.child})
            wait_until_nothing(lambda: left(killed.instance, before, spared), CLEAN_SECONDS)
            if killed.child:
                os.kill(killed.child, 0)


@pytest.mark.cgroup2
async def test_engine_and_supervisor_are_killed(runtime: Runtime, new_engine: NewEngine) -> None:
    async with untouched_neighbour():
        before = Before.now()
        with victim(runtime) as killed:
            kill(killed.process.pid, killed.instance.supervisor)
            await asyncio.to_thread(killed.process.wait)
            # Control groups and files may wait for the next start, processes may not.
            wait_until_nothing(lambda: [str(pid) for pid in programs_of(killed.instance)], CLEAN_SECONDS)
            async with new_engine(slots=1) as engine:
                assert RIGHT.complaints(await run_right(engine)) == []
            wait_until_nothing(lambda: left(killed.instance, before), 0)


@pytest.mark.cgroup2
async def test_everything_at_once_is_killed(runtime: Runtime, new_engine: NewEngine) -> None:
    before = Before.now()
    with victim(runtime) as killed:
        supervisor = os.pidfd_open(killed.instance.supervisor)
        kill(killed.process.pid, killed.instance.supervisor, *killed.instance.keepers)
        await asyncio.to_thread(killed.process.wait)
        # Its lock is free when it has ended, some milliseconds after the signal.
        assert select.select([supervisor], [], [], CLEAN_SECONDS)[0]
        os.close(supervisor)
        async with new_engine(slots=1) as engine:
            assert RIGHT.complaints(await run_right(engine)) == []
        wait_until_nothing(lambda: left(killed.instance, before), 0)


@pytest.mark.cgroup2
async def test_an_engine_that_is_left_alone_leaves_nothing(new_engine: NewEngine) -> None:
    before = Before.now()
    async with new_engine(slots=2) as engine:
        instance = Instance.of(engine.facts())
        assert RIGHT.complaints(await run_right(engine)) == []
        endless = asyncio.create_task(engine.run(named("spin.py").program))
        await wait_until_running(instance)
    with pytest.raises(SandboxError, match="closed"):
        await endless
    wait_until_nothing(lambda: left(instance, before), 0)


@pytest.mark.parametrize("who", ["supervisor", "keeper", "both keepers"])
async def test_the_engine_recovers(who: str, new_engine: NewEngine) -> None:
    async with untouched_neighbour():
        before = Before.now()
        async with new_engine(slots=2) as engine:
            for _ in range(3):
                instance = Instance.of(engine.facts())
                victims = {
                    "supervisor": [instance.supervisor],
                    "keeper": [instance.keepers[0]],
                    "both keepers": [*instance.keepers],
                }[who]
                kill(*victims)
                started = time.monotonic()
                assert RIGHT.complaints(await run_right(engine)) == []
                assert RIGHT.complaints(await run_right(engine)) == []
                assert time.monotonic() - started < CLEAN_SECONDS
                wait_until_nothing(functools.partial(alive, victims), CLEAN_SECONDS)
            instance = Instance.of(engine.facts())
        wait_until_nothing(lambda: left(instance, before), 0)


@pytest.mark.parametrize("who", ["supervisor", "keeper"])
async def test_a_run_under_way_is_never_misjudged(who: str, new_engine: NewEngine) -> None:
    """Our own death is no verdict: the run is tried once more or has none."""
    async with new_engine(slots=1) as engine:
        instance = Instance.of(engine.facts())
        under_way = asyncio.create_task(engine.run(SLOW))
        await wait_until_running(instance)
        programs = running(instance)
        kill(*([instance.supervisor] if who == "supervisor" else instance.keepers))
        try:
            outcome = await under_way
        except SandboxError:
            pass
        else:
            assert (outcome.verdict, outcome.stdout) == (Verdict.ACCEPTED, b"slow\n")
        wait_until_nothing(functools.partial(alive, programs), CLEAN_SECONDS)
        assert RIGHT.complaints(await run_right(engine)) == []


@pytest.mark.native_only("a container's parked child is in no test's reach")
async def test_a_parked_child_that_is_dead_when_its_job_comes_is_no_verdict(new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as engine:
        [keeper] = Instance.of(engine.facts()).keepers
        [parked] = children(keeper)
        # It hears of the end, and says so, when the job is there.
        os.kill(keeper, signal.SIGSTOP)
        kill(parked)
        under_way = asyncio.create_task(run_right(engine))
        await asyncio.sleep(0.1)
        os.kill(keeper, signal.SIGCONT)
        assert RIGHT.complaints(await under_way) == []
        assert engine.stats().faults == 1
        assert Instance.of(engine.facts()).keepers == (keeper,)


async def test_slots_that_fail_when_they_are_made_are_tried_now_and_then(new_engine: NewEngine) -> None:
    """And who waits for one is told why there is none."""
    async with new_engine(slots=2) as engine:
        instance = Instance.of(engine.facts())
        # Every keeper to come fails at its own limits.
        resource.prlimit(instance.supervisor, resource.RLIMIT_SIGPENDING, (100, 100))
        kill(*instance.keepers)
        with pytest.raises(SandboxError, match="no slot could be made: setrlimit"):
            await asyncio.wait_for(run_right(engine), 5)
        keepers = set()
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            keepers.update(engine.facts()["keeper_pids"].split())
            await asyncio.sleep(0.002)
        assert len(keepers) < 40


@pytest.mark.soak
@pytest.mark.native_only("a container's builder has made one before")
async def test_a_builder_that_hangs_is_given_up(new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as engine:
        supervisor = Instance.of(engine.facts()).supervisor
        builder = 0
        while not builder:
            keeper = engine.facts()["keeper_pids"]
            kill(int(keeper))
            # It lives for some milliseconds, and may have done its work by now.
            if builder := stopped_builder(supervisor):
                await asyncio.sleep(0.2)
                if engine.facts()["keeper_pids"] != keeper:
                    kill(builder)
                    builder = 0
        with pytest.raises(SandboxError, match="no slot could be made: a slot's builder did not end in time"):
            await asyncio.wait_for(run_right(engine), 90)
        wait_until_nothing(functools.partial(alive, [builder]), CLEAN_SECONDS)
        wait_until_nothing(lambda: [keeper] if engine.facts()["keeper_pids"] == keeper else [], CLEAN_SECONDS)
        assert RIGHT.complaints(await run_right(engine)) == []


def stopped_builder(supervisor: int) -> int:
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        for pid in children(supervisor):
            if name_of(pid) == "assay-builder":
                os.kill(pid, signal.SIGSTOP)
                return pid
    return 0


async def test_recoveries_cost_the_engine_nothing(new_engine: NewEngine) -> None:
    """No descriptor of the engine's own process is lost by a death."""
    async with new_engine(slots=2) as engine:
        counts = []
        for _ in range(6):
            instance = Instance.of(engine.facts())
            kill(instance.supervisor)
            assert RIGHT.complaints(await run_right(engine)) == []
            counts.append(open_descriptors())
        assert counts[-1] <= counts[1], counts


@pytest.mark.cgroup2
async def test_a_program_cannot_outlive_the_cancelled_call(new_engine: NewEngine) -> None:
    async with new_engine(slots=1) as engine:
        instance = Instance.of(engine.facts())
        under_way = asyncio.create_task(engine.run(named("spin.py").program, limits=Limits(cpu_seconds=60)))
        await wait_until_running(instance)
        started = running(instance)
        under_way.cancel()
        with pytest.raises(asyncio.CancelledError):
            await under_way
        wait_until_nothing(functools.partial(alive, started), 1.0)
        assert RIGHT.complaints(await run_right(engine)) == []


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def alive(pids: Iterable[int]) -> list[str]:
    return [str(pid) for pid in pids if Path(f"/proc/{pid}").exists()]


async def test_the_program_dies_for_its_memory_and_none_of_ours(new_engine: NewEngine) -> None:
    lowered = named("oom_score_lowered.c")
    async with new_engine(slots=1) as engine:
        for _ in range(3):
            assert lowered.complaints(await lowered.run(engine)) == []
        assert engine.stats().faults == 0


async def test_a_refused_start_leaves_no_process(new_engine: NewEngine) -> None:
    before = own_children()
    with pytest.raises(CannotStart, match="/no/such/tree"):
        async with new_engine(slots=1, trees=("/no/such/tree",)):
            pass
    # Of the compilers that were asked for their versions meanwhile, one may still be at it.
    deadline = time.monotonic() + CLEAN_SECONDS
    while own_children() != before:
        assert time.monotonic() < deadline, own_children()
        await asyncio.sleep(0.02)


def own_children() -> list[int]:
    """Of every thread, dead ones that nobody has waited for too."""
    return sorted(
        int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()
    )
