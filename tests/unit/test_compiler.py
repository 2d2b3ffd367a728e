"""The store is bounded; the same sources compile once, whatever comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from engine.jobs.compiler import PROGRAM_PATH, Compiler
from engine.jobs.runner import Runner
from engine.jobs.store import Compiled, Store, key_of
from engine.jobs.work import Work
from engine.languages.table import LANGUAGES
from engine.pool.images import Image
from engine.pool.job import Completion, Job, JobFile, Joined
from engine.program import Limits, Outcome, StoppedBy
from engine.queue import Queue
from engine.stats import Counters

C = LANGUAGES["c"]
LIMITS = Limits()
CLEAN = Outcome(exit_code=0, files={"main": b"ELF"}, stderr=b"a warning")


def files(text: str = "int main;") -> list[JobFile]:
    return [("/work/main.c", text.encode(), 0o644)]


class Slots:
    """A slot whose compile step ends with `outcome`; `gate` holds runs back."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome: Outcome | Exception = outcome
        self.run_count = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def run_joined(
        self,
        job: Job,
        partner: Job,
        ended: tuple[Callable[[], None], Callable[[], None]],
        reserved_bytes: tuple[int, int],
    ) -> Joined:
        raise NotImplementedError

    async def run(self, job: Job, ended: Callable[[], None], reserved_bytes: int) -> Completion:
        self.run_count += 1
        try:
            await self.gate.wait()
        finally:
            ended()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        assert job.argv == C.compile
        assert job.collect == ("main",)
        outcome = self.outcome
        return cast(
            "Completion",
            SimpleNamespace(
                fault=None,
                run_id=1,
                warm=False,
                held_seconds=0.0,
                **{name: getattr(outcome, name) for name in Outcome.__struct_fields__ if name != "compile"},
            ),
        )


class Bench:
    """A compiler, a queue before one slot, and what comes of the steps."""

    def __init__(self, outcome: Outcome = CLEAN, store_bytes: int = 1 << 20) -> None:
        self.compiler = Compiler(Store(store_bytes))
        self.slots = Slots(outcome)
        self.queue = Queue(
            self.slots,
            slots=2,
            memory_bytes=1 << 40,
            processes=1000,
            queue_runs=100,
            queue_bytes=1 << 20,
            on_demand=True,
        )
        self.runner = Runner(self.queue, Counters(), ())

    @property
    def run_count(self) -> int:
        return self.slots.run_count

    async def compile(self, text: str = "int main;", limits: Limits = LIMITS) -> Compiled:
        work = Work(Image(), C, files(text), LIMITS, limits)
        ticket = self.queue.enter("", 1, None)
        try:
            compiled = await self.compiler.compile(self.runner, ticket, work)
            assert compiled is not None
            return compiled
        finally:
            self.queue.leave(ticket)

    @property
    def idle(self) -> bool:
        """Every slot was given back, every request has left."""
        return (self.queue.running, self.queue.queued, self.queue.bytes_held) == (0, 0, 0)


async def test_a_program_is_compiled_once_and_remembered() -> None:
    bench = Bench()
    first = await bench.compile()
    assert first.files == ((PROGRAM_PATH, b"ELF", 0o755),)
    assert first.outcome.files == {}
    assert first.outcome.stderr == b"a warning"
    second = await bench.compile()
    assert second.files == first.files
    assert (bench.run_count, bench.compiler.runs, bench.compiler.spared) == (1, 1, 1)
    await bench.compile("int other;")
    await bench.compile(limits=Limits(cpu_seconds=1))
    assert bench.run_count == 3
    assert bench.idle


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_concurrent_compiles_of_one_source_are_one() -> None:
    bench = Bench()
    bench.slots.gate.clear()
    tasks = [asyncio.create_task(bench.compile()) for _ in range(5)]
    await settle()
    tasks += [asyncio.create_task(bench.compile()) for _ in range(5)]
    await settle()
    bench.slots.gate.set()
    assert {(await task).files for task in tasks} == {((PROGRAM_PATH, b"ELF", 0o755),)}
    assert bench.run_count == 1
    assert bench.idle


async def test_errors_in_the_source_are_remembered() -> None:
    bench = Bench(Outcome(exit_code=1, stderr=b"main.c:1: error"))
    assert not (await bench.compile()).outcome.clean
    assert (await bench.compile()).outcome.stderr == b"main.c:1: error"
    assert bench.run_count == 1


@pytest.mark.parametrize("stopped_by", ["cpu", "wall"])
async def test_a_step_that_was_stopped_is_not_remembered(stopped_by: StoppedBy) -> None:
    bench = Bench(Outcome(signal=9, stopped_by=stopped_by))
    for _ in range(2):
        assert not (await bench.compile()).outcome.clean
    bench.slots.outcome = CLEAN
    assert (await bench.compile()).outcome.clean
    assert bench.run_count == 3


async def test_a_step_out_of_memory_is_not_remembered() -> None:
    bench = Bench(Outcome(exit_code=1, oom_kills=1))
    for _ in range(2):
        await bench.compile()
    assert bench.run_count == 2


async def test_a_compiler_that_leaves_nothing_has_failed() -> None:
    bench = Bench(Outcome(exit_code=0))
    compiled = await bench.compile()
    assert not compiled.outcome.clean
    assert b"left no program" in compiled.outcome.stderr


async def test_a_fault_or_a_cancel_lets_the_next_one_try() -> None:
    bench = Bench()
    bench.slots.gate.clear()
    first = asyncio.create_task(bench.compile())
    await settle()
    second = asyncio.create_task(bench.compile())
    await settle()
    first.cancel()
    await settle()
    bench.slots.gate.set()
    assert (await second).outcome.clean
    assert bench.run_count == 2
    bench.slots.outcome = OSError("fault")
    with pytest.raises(OSError, match="fault"):
        await bench.compile("int third;")
    bench.slots.outcome = CLEAN
    assert (await bench.compile("int third;")).outcome.clean


def test_the_store_forgets_the_longest_unasked() -> None:
    def result(size: int) -> Compiled:
        return Compiled(Outcome(exit_code=0), ((PROGRAM_PATH, bytes(size), 0o755),))

    store = Store(3 * result(1000).size_bytes)
    for name in (b"a", b"b", b"c"):
        store.put(name, result(1000))
    assert store.get(b"a") is not None
    store.put(b"d", result(1000))
    assert [name for name in (b"a", b"b", b"c", b"d") if store.get(name)] == [b"a", b"c", b"d"]
    store.put(b"huge", result(10_000))
    assert store.get(b"huge") is None
    store.put(b"a", result(10))
    store.put(b"a", result(20))
    assert store.size_bytes == sum(result(size).size_bytes for size in (20, 1000, 1000))


def test_keys_tell_everything_apart() -> None:
    keys = [
        key_of(argv, sent, limits)
        for argv in (("gcc", "a"), ("gcca",))
        for limits in (LIMITS, Limits(cpu_seconds=1))
        for sent in (
            files(),
            files("int main; "),
            [*files(), ("/work/a", b"bc", 0o644)],
            [*files(), ("/work/ab", b"c", 0o644)],
            [*files(), ("/work/ab", b"c", 0o755)],
        )
    ]
    assert len(set(keys)) == len(keys)
