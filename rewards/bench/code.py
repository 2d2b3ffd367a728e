"""`assay bench code`: how fast programs are judged and how rightly, beside others in the same run."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from engine.bench.load import busy_seconds, median, quantile
from engine.machine import resources
from rewards.bench.generated import FORMS, generated
from rewards.bench.items import BenchItem, human_eval
from rewards.bench.ways import NO_PRIME_CODE, WAYS, Judge, Way, can_judge, opened

HUMAN_EVAL: Final = "HumanEval"
SETS: Final = (HUMAN_EVAL, *FORMS)
Say = Callable[[str, float], None]
# A daemon that has run for a while has ready Pythons in its slots.
_WARM_SEED: Final = -1
_WARM_ITEMS: Final = 4


class CodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One set judged one way.

    items                of each round
    tests_per_second     of tests that had to run to tell: all, or up to the first that fails
    times_assay          items per second beside Assay's in the same round, median
    cpu_seconds          of the whole machine, for each of these tests
    p50_seconds          from handing an item in to its verdict
    false                verdicts other than the known one, in all rounds
    lost                 items without a verdict
    """

    set: str
    way: Way
    items: int
    items_per_second: float
    tests_per_second: float
    times_assay: float
    cpu_seconds: float
    p50_seconds: float
    p99_seconds: float
    false: int
    lost: int


class CodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` writes."""

    command: str
    machine: dict[str, str | int]
    in_flight: int
    rounds: int
    rows: list[CodeRow]
    missing: list[str]


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """One way's turn over a set: seconds on the clock, seconds that the machine worked; the rest by item."""

    seconds: float
    busy_seconds: float
    waits: list[float]
    ended: list[float]
    verdicts: list[bool | None]


def machine() -> dict[str, str | int]:
    """What the figures belong to."""
    return {
        "cores": resources.cores(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "load_before": f"{os.getloadavg()[0]:.2f}",
    }


async def code(
    *,
    sets: Sequence[str],
    problems: int,
    rounds: int,
    in_flight: int,
    address: str,
    human_eval_path: Path | None,
    prime_code: str | None,
    command: str,
    say: Say,
) -> CodeReport:
    """Measure each set by each way in turn, `rounds` times; raises PeerFailed, OSError."""
    before = machine()
    ways = [way for way in WAYS if way != "prime_code" or prime_code]
    missing = [] if prime_code else [NO_PRIME_CODE]
    rows = []
    for index, name in enumerate(sets):
        if name == HUMAN_EVAL and human_eval_path is None:
            missing.append(f"{HUMAN_EVAL}: scripts/fetch-data brings it into .data")
            continue
        say(f"{name}, warming up", index / len(sets))
        async with opened("assay", in_flight, address, None) as judge:
            await judged(judge, _items(name, problems, _WARM_SEED, human_eval_path), in_flight)
        found: dict[Way, list[Pass]] = {}
        made: list[list[BenchItem]] = []
        for number in range(rounds):
            made.append(_items(name, problems, number, human_eval_path))
            for way in ways:
                if can_judge(way, made[-1][0]):
                    say(f"{name}, {way}", (index + number / rounds) / len(sets))
                    found.setdefault(way, []).append(await _turn(way, made[-1], in_flight, address, prime_code))
        rows += [_row(name, way, [items[_WARM_ITEMS:] for items in made], found) for way in found]
    return CodeReport(command=command, machine=before, in_flight=in_flight, rounds=rounds, rows=rows, missing=missing)


async def judged(judge: Judge, items: Sequence[BenchItem], in_flight: int) -> Pass:
    """Every item judged, so many at a time."""
    clock = time.perf_counter
    waits, ended = [0.0] * len(items), [0.0] * len(items)
    verdicts: list[bool | None] = [None] * len(items)
    numbered = iter(enumerate(items))

    async def one_after_another() -> None:
        for index, item in numbered:
            started = clock()
            verdicts[index] = await judge(item)
            waits[index], ended[index] = clock() - started, clock() - began

    busy, began = busy_seconds(), clock()
    async with asyncio.TaskGroup() as callers:
        for _ in range(in_flight):
            callers.create_task(one_after_another())
    return Pass(
        seconds=clock() - began, busy_seconds=busy_seconds() - busy, waits=waits, ended=ended, verdicts=verdicts
    )


def false_verdicts(items: Iterable[BenchItem], verdicts: Iterable[bool | None]) -> int:
    """How many verdicts are not as they have to be."""
    return sum(verdict is not None and verdict != item.accepted for item, verdict in zip(items, verdicts, strict=True))


def human_eval_file() -> Path | None:
    """Where scripts/fetch-data has put it; the second place is beside this checkout, for several of them."""
    places = (Path(".data"), Path("../shared/data"))
    found = (place / "HumanEval.jsonl.gz" for place in places)
    return next((path for path in found if path.exists()), None)


async def _turn(way: Way, items: list[BenchItem], in_flight: int, address: str, prime_code: str | None) -> Pass:
    """The first items count for nobody: workers start then."""
    async with opened(way, in_flight, address, prime_code) as judge:
        await judged(judge, items[:_WARM_ITEMS], in_flight)
        return await judged(judge, items[_WARM_ITEMS:], in_flight)


def _items(name: str, problems: int, seed: int, path: Path | None) -> list[BenchItem]:
    for form in FORMS:
        if form == name:
            return generated(form, problems, seed)
    assert path is not None
    return list(human_eval(path))


def _row(name: str, way: Way, made: list[list[BenchItem]], found: dict[Way, list[Pass]]) -> CodeRow:
    passes = found[way]
    seconds = sum(each.seconds for each in passes)
    items = sum(map(len, made))
    tests = sum(item.needed for items in made for item in items)
    waits = [wait for each in passes for wait in each.waits]
    ratios = [ours.seconds / its.seconds for ours, its in zip(found["assay"], passes, strict=True)]
    return CodeRow(
        set=name,
        way=way,
        items=len(made[0]),
        items_per_second=items / seconds,
        tests_per_second=tests / seconds,
        times_assay=median(ratios),
        cpu_seconds=sum(each.busy_seconds for each in passes) / tests,
        p50_seconds=quantile(waits, 0.5),
        p99_seconds=quantile(waits, 0.99),
        false=sum(false_verdicts(each, one.verdicts) for each, one in zip(made, passes, strict=True)),
        lost=sum(verdict is None for each in passes for verdict in each.verdicts),
    )
