"""`assay bench containers`: sandboxed runs per second beside bare ones, and where the difference goes."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from engine import loadgen
from engine.config import EngineConfig
from engine.engine import Engine
from engine.errors import AssayError, BadInput
from engine.pool import bare_runs

_WRONG_USE: Final = 2
_OUR_FAULT: Final = 125
_ROUNDS: Final = 5


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One program at one number of slots: rounds of sandboxed and bare load in turn; seconds are medians per run.

    cycle_seconds  of one slot, from one run to the next
    wall_seconds   of that, from hand-over to the program's end; the rest is renewal and ours
    cpu_seconds    CPU per run of the engine's process, the supervisor and the keepers
    """

    program: str
    slots: int
    runs: int
    probes: int
    sandboxed_per_second: float
    bare_per_second: float
    ratio: float
    ratio_lowest: float
    ratio_highest: float
    cycle_seconds: float
    wall_seconds: float
    cpu_seconds: dict[str, float]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` writes."""

    machine: dict[str, str | int]
    facts: dict[str, str]
    seconds: float
    pairs: list[Pair]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `bench` to the parsers of `assay`."""
    parser = subparsers.add_parser("bench", help="measure this machine")
    parser.add_argument("name", choices=["containers"], help="what to measure")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    parser.add_argument("--slots", metavar="N,...", default="1,2,4", help="numbers of slots (1,2,4)")
    parser.add_argument("--seconds", metavar="S", type=float, default=5.0, help="load for each number (5)")
    parser.set_defaults(handler=bench)


def bench(arguments: argparse.Namespace) -> int:
    """`assay bench`: the exit code."""
    console = Console()
    try:
        slots = _slots(arguments.slots)
        if not 0 < arguments.seconds < float("inf"):
            raise BadInput("seconds", arguments.seconds, "expected a number above 0")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = runner.run(containers(slots, arguments.seconds, console))
    except BadInput as error:
        print(f"assay bench: {error}", file=sys.stderr)
        return _WRONG_USE
    except AssayError as error:
        print(f"assay bench: {error}", file=sys.stderr)
        return _OUR_FAULT
    _show(report, console)
    if arguments.json:
        Path(arguments.json).write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    return 0


def _slots(text: str) -> list[int]:
    try:
        slots = [int(word) for word in text.split(",")]
    except ValueError:
        slots = []
    if not slots or min(slots) < 1:
        raise BadInput("slots", text, "expected numbers like 1,2,4")
    return slots


async def containers(slots: list[int], seconds: float, console: Console) -> Report:
    """Measure every pair; raises CannotStart, SandboxError."""
    pairs: list[Pair] = []
    facts: dict[str, str] = {}
    with loadgen.trues() as trues, console.status("") as status:
        for count in slots:
            config = EngineConfig(slots=count, trees=(*EngineConfig().trees, trues.directory))
            async with Engine(config=config) as engine:
                facts = engine.facts()
                for name, path in (("static", trues.static), ("dynamic", trues.dynamic)):
                    status.update(f"{name} true, {count} slots")
                    pairs.append(await _pair(engine, name, path, count, seconds))
    machine: dict[str, str | int] = {
        "cores": os.cpu_count() or 1,
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "load_before": f"{os.getloadavg()[2]:.2f}",
    }
    kept = ("runtime", "cgroup", "rootfs")
    return Report(machine=machine, facts={name: facts[name] for name in kept}, seconds=seconds, pairs=pairs)


async def _pair(engine: Engine, name: str, path: str, slots: int, seconds: float) -> Pair:
    rounds: list[tuple[loadgen.Segment, float]] = []
    for _ in range(_ROUNDS):
        # In turn, so that whatever else the machine does meets both alike.
        segment = await loadgen.sandboxed(engine, [path], seconds=seconds / _ROUNDS)
        bare = await bare_runs(path, slots, seconds / _ROUNDS)
        rounds.append((segment, bare))
    segments = [segment for segment, _ in rounds]
    ratios = [segment.per_second / bare for segment, bare in rounds]
    rate = sum(segment.runs for segment in segments) / sum(segment.seconds for segment in segments)
    return Pair(
        program=name,
        slots=slots,
        runs=sum(segment.runs for segment in segments),
        probes=sum(segment.probes for segment in segments),
        sandboxed_per_second=rate,
        bare_per_second=statistics.fmean(bare for _, bare in rounds),
        ratio=statistics.median(ratios),
        ratio_lowest=min(ratios),
        ratio_highest=max(ratios),
        cycle_seconds=slots / rate,
        wall_seconds=statistics.median(segment.wall_seconds for segment in segments),
        cpu_seconds={
            part: statistics.median(segment.cpu_seconds[part] for segment in segments)
            for part in segments[0].cpu_seconds
        },
    )


def _show(report: Report, console: Console) -> None:
    table = Table(title=f"runs per second, {report.seconds:g} s each", title_justify="left")
    for heading in ("program", "slots", "sandboxed", "bare", "ratio", "lowest to highest", "probes"):
        table.add_column(heading, justify="left" if heading == "program" else "right")
    for pair in report.pairs:
        table.add_row(
            pair.program,
            str(pair.slots),
            f"{pair.sandboxed_per_second:,.0f}",
            f"{pair.bare_per_second:,.0f}",
            f"{pair.ratio:.3f}",
            f"{pair.ratio_lowest:.3f} to {pair.ratio_highest:.3f}",
            str(pair.probes),
        )
    console.print(table)
    console.print(_profile(report))


def _profile(report: Report) -> Table:
    parts = list(report.pairs[0].cpu_seconds)
    table = Table(title="where it goes: microseconds of a slot per run", title_justify="left")
    for heading in ("program", "slots", "in the program", "between two", f"CPU of {' + '.join(parts)}"):
        table.add_column(heading, justify="left" if heading == "program" else "right")
    for pair in report.pairs:
        table.add_row(
            pair.program,
            str(pair.slots),
            f"{pair.wall_seconds * 1e6:,.0f}",
            f"{(pair.cycle_seconds - pair.wall_seconds) * 1e6:,.0f}",
            " + ".join(f"{pair.cpu_seconds[part] * 1e6:,.0f}" for part in parts),
        )
    return table
