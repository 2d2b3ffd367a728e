"""`assay bench containers` as pytest-benchmark sees it: the time of one run, the rate and its share of bare."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import uvloop
from pytest_benchmark.fixture import BenchmarkFixture

from engine.bench.peers.assay import LIMITS, NATIVE, check_run, sandboxed
from engine.bench.peers.commands import commands_run
from engine.bench.programs import NAMES, Name, Programs, programs
from engine.engine import Engine

RUNS = 300


@pytest.fixture(scope="module")
def made() -> Iterator[Programs]:
    with programs() as found:
        yield found


@pytest.mark.kernel
@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("program", NAMES)
def test_containers(benchmark: BenchmarkFixture, made: Programs, program: Name, slots: int) -> None:
    path = made.path(program)

    async def started() -> Engine:
        return await Engine(config=NATIVE.config(made, slots)).__aenter__()

    async def burst(engine: Engine) -> None:
        async def one_after_another() -> None:
            for _ in range(RUNS // slots):
                check_run(await engine.run_argv([path], limits=LIMITS))

        await asyncio.gather(*[one_after_another() for _ in range(slots)])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        engine = runner.run(started())
        try:
            probed = runner.run(sandboxed(engine, path, slots, 1))
            bare = runner.run(commands_run([path], slots, 1))
            benchmark.pedantic(lambda: runner.run(burst(engine)), rounds=5, warmup_rounds=1)  # type: ignore[no-untyped-call]
        finally:
            runner.run(engine.__aexit__(None, None, None))
    assert probed.errors == 0
    benchmark.extra_info.update(
        runs_per_second=round(probed.per_second),
        bare_per_second=round(bare.per_second),
        ratio=round(probed.per_second / bare.per_second, 3),
    )
