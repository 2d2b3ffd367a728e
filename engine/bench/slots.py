"""`assay bench slots`: what slots that wait cost, in memory and in the time of a run; then a sleeper in each."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from engine.bench.load import Segment, median, quantile
from engine.bench.peers.assay import NATIVE, sandboxed
from engine.bench.programs import Programs, programs
from engine.engine import Engine
from engine.errors import SandboxError
from engine.program import Limits

ROUNDS: Final = 5
SLEEP_SECONDS: Final = 3
# A thousand slots may hold half of kernel.pid_max together, and its smallest usual value is 32,768.
_PROCESSES: Final = 16
# So little that a thousand of them are let in together.
_SLEEPER: Final = Limits(memory_bytes=8 << 20, processes=_PROCESSES, wall_seconds=60.0)
_LOOK_SECONDS: Final = 0.1
_KIB: Final = 1024


class SlotsRow(msgspec.Struct, frozen=True, kw_only=True):
    """An engine of so many slots beside one of a single slot.

    start_seconds          until every slot was ready
    memory_bytes           of one slot: what MemAvailable lost by the start, shared out
    p50_seconds            of a run on one slot while all others wait; of the engine with one slot, in the same rounds
    ratio                  of the two in each round: the median, the lowest and the highest
    sleepers_at_once       programs that slept in the slots at the same time
    sleepers_seconds       from the first asked for to the last that ended, each asleep for SLEEP_SECONDS
    """

    slots: int
    start_seconds: float
    memory_bytes: float
    p50_seconds: float
    single_p50_seconds: float
    ratio: float
    ratio_lowest: float
    ratio_highest: float
    sleepers_at_once: int
    sleepers_seconds: float


async def slots(numbers: Sequence[int], seconds: float, say: Callable[[str, float], None]) -> list[SlotsRow]:
    """Measure each number; `seconds` of load for each row, all rounds together. Raises CannotStart, SandboxError."""
    rows = []
    with programs() as made:
        async with _engine(made, 1) as single:
            for index, number in enumerate(numbers):
                say(f"{number} slots", index / len(numbers))
                rows.append(await _row(made, single, number, seconds / ROUNDS))
    return rows


def _engine(made: Programs, number: int) -> Engine:
    config = NATIVE.config(made, number)
    limits = msgspec.structs.replace(config.limits, processes=_PROCESSES)
    return Engine(config=dataclasses.replace(config, limits=limits))


async def _row(made: Programs, single: Engine, number: int, seconds: float) -> SlotsRow:
    before = _available_bytes()
    began = time.perf_counter()
    async with _engine(made, number) as engine:
        took = time.perf_counter() - began
        memory = before - _available_bytes()
        pairs = [await _pair(made, single, engine, seconds) for _ in range(ROUNDS)]
        at_once, slept = await _sleepers(engine, number)
    ratios = [_p50(many) / _p50(one) for one, many in pairs]
    return SlotsRow(
        slots=number,
        start_seconds=took,
        memory_bytes=memory / number,
        p50_seconds=median(_p50(many) for _, many in pairs),
        single_p50_seconds=median(_p50(one) for one, _ in pairs),
        ratio=median(ratios),
        ratio_lowest=min(ratios),
        ratio_highest=max(ratios),
        sleepers_at_once=at_once,
        sleepers_seconds=slept,
    )


async def _pair(made: Programs, single: Engine, engine: Engine, seconds: float) -> tuple[Segment, Segment]:
    path = made.path("dynamic")
    return await sandboxed(single, path, 1, seconds), await sandboxed(engine, path, 1, seconds)


async def _sleepers(engine: Engine, number: int) -> tuple[int, float]:
    """How many slept at the same time, and how long it took in all."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        asleep = [group.create_task(_sleep(engine)) for _ in range(number)]
        most = 0
        while not all(task.done() for task in asleep):
            most = max(most, _asleep())
            await asyncio.sleep(_LOOK_SECONDS)
    return most, time.perf_counter() - began


async def _sleep(engine: Engine) -> None:
    outcome = await engine.run_argv(["/usr/bin/sleep", str(SLEEP_SECONDS)], limits=_SLEEPER)
    if not outcome.clean:
        raise SandboxError(f"a program that sleeps did something else: {outcome}")


def _asleep() -> int:
    """Processes of this machine that are the sleepers' program."""
    expected = f"/usr/bin/sleep\0{SLEEP_SECONDS}\0".encode()
    found = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                found += (entry / "cmdline").read_bytes() == expected
    return found


def _p50(segment: Segment) -> float:
    return quantile(segment.latencies, 0.5)


def _available_bytes() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * _KIB for line in lines if line.startswith("MemAvailable:"))
