"""`assay bench containers` as pytest-benchmark sees it: the time of a burst of runs, the rate and its share of bare."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import uvloop
from pytest_benchmark.fixture import BenchmarkFixture

from engine import loadgen
from engine.config import EngineConfig
from engine.engine import Engine
from engine.pool import bare_runs

RUNS = 300


@pytest.fixture(scope="module")
def trues() -> Iterator[loadgen.Trues]:
    with loadgen.trues() as made:
        yield made


@pytest.mark.kernel
@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("program", ["static", "dynamic"])
def test_containers(benchmark: BenchmarkFixture, trues: loadgen.Trues, program: str, slots: int) -> None:
    path = getattr(trues, program)
    config = EngineConfig(slots=slots, trees=(*EngineConfig().trees, trues.directory))

    async def started() -> Engine:
        return await Engine(config=config).__aenter__()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        engine = runner.run(started())
        try:
            probed = runner.run(loadgen.sandboxed(engine, [path], seconds=1))
            bare = runner.run(bare_runs(path, slots, 1))
            benchmark.pedantic(lambda: runner.run(loadgen.burst(engine, [path], runs=RUNS)), rounds=5, warmup_rounds=1)  # type: ignore[no-untyped-call]
        finally:
            runner.run(engine.__aexit__(None, None, None))
    assert probed.probes > 0
    benchmark.extra_info.update(
        runs_per_second=round(probed.per_second), bare_per_second=round(bare), ratio=round(probed.per_second / bare, 3)
    )
