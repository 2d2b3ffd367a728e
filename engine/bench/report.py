"""What was measured, as tables: on the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from engine.bench.containers import FLOOR, Report, Row
from engine.bench.mix import LIMITS, PATIENCE_SECONDS, MixReport, MixRow
from engine.bench.programs import Name
from engine.bench.repeat import OURS, RepeatRow
from engine.bench.slots import SLEEP_SECONDS, SlotsRow
from engine.bench.warm import WarmRow

_HEADINGS = ("peer", "in flight", "runs/s", "of bare", "p50 ms", "p99 ms", "CPU ms", "errors")
_SLOTS_HEADINGS = (
    "slots",
    "ready after s",
    "KiB each",
    "p50 ms",
    "of one slot's",
    "lowest to highest",
    "asleep at once",
    f"all {SLEEP_SECONDS} s sleeps s",
)

_MIX_HEADINGS = ("setting", "program", "requests", "lost", "wrong verdicts", "p50 ms", "p99 ms")
_WARM_HEADINGS = (
    "way",
    "program",
    "in flight",
    "runs/s",
    "of the floor",
    "lowest to highest",
    "p50 ms",
    "p99 ms",
    "CPU ms",
    "errors",
)
_REPEAT_HEADINGS = ("way", "sequences", "tokens in a call", "ns per token", "lowest to highest", "KiB each")


def show(report: Report, console: Console) -> None:
    """Print a table for each program."""
    for program in _programs(report):
        table = _table(f"{program} program, {report.seconds:g} s for each row", _HEADINGS)
        for row in _rows(report, program):
            style = "bold" if row.peer.startswith("native") else "dim" if row.peer == FLOOR else None
            table.add_row(*_cells(row), style=style)
        console.print(table)
    if any(row.cpu_seconds_of for row in report.rows):
        console.print(_parts(report))
    for line in notes(report):
        console.print(f"[yellow]{line}[/yellow]")


def markdown(report: Report) -> str:
    """The same for a README, with the command and how each peer was run."""
    machine = report.machine
    measured = (
        f"`{report.command}`: Linux {machine['kernel']}, {machine['cores']} cores, {report.seconds:g} s for each row, "
        f"load of 15 minutes before {machine['load_before']}."
    )
    lines = [
        measured,
        "",
        "Latencies are the caller's; CPU is the busy time of the whole machine per run.",
        "",
    ]
    for program in _programs(report):
        lines += [
            f"The {program} program:",
            "",
            *_markdown_table(_HEADINGS, [_cells(row) for row in _rows(report, program)]),
            "",
        ]
    lines += [f"- **{name}**: {how}" for name, how in report.how.items()]
    lines += ["", *(f"- {line}" for line in found)] if (found := notes(report)) else []
    return "\n".join(lines) + "\n"


def show_slots(rows: Sequence[SlotsRow], console: Console) -> None:
    """Print the table of `assay bench slots`."""
    table = _table("slots that wait, beside an engine with one slot", _SLOTS_HEADINGS)
    for row in rows:
        table.add_row(*_slots_cells(row))
    console.print(table)


def show_warm(rows: Sequence[WarmRow], console: Console) -> None:
    """Print the table of `assay bench warm`."""
    table = _table("Python programs", _WARM_HEADINGS)
    for row in rows:
        table.add_row(*_warm_cells(row), style="bold" if row.way.endswith("warm") else None)
    console.print(table)


def warm_markdown(rows: Sequence[WarmRow]) -> str:
    """The same for a README."""
    return "\n".join(_markdown_table(_WARM_HEADINGS, [_warm_cells(row) for row in rows])) + "\n"


def _warm_cells(row: WarmRow) -> list[str]:
    return [
        row.way,
        row.program,
        str(row.in_flight),
        f"{row.per_second:,.0f}",
        f"{row.of_floor:.2f}",
        f"{row.of_floor_lowest:.2f}-{row.of_floor_highest:.2f}",
        f"{row.p50_seconds * 1e3:.2f}",
        f"{row.p99_seconds * 1e3:.2f}",
        "" if row.cpu_seconds is None else f"{row.cpu_seconds * 1e3:.2f}",
        str(row.errors),
    ]


def slots_markdown(rows: Sequence[SlotsRow]) -> str:
    """The same for a README."""
    return "\n".join(_markdown_table(_SLOTS_HEADINGS, [_slots_cells(row) for row in rows])) + "\n"


def show_mix(report: MixReport, console: Console) -> None:
    """Print the tables of `assay bench load`."""
    table = _table(f"{report.requests:,} requests, {report.in_flight} in flight", _MIX_HEADINGS)
    for row in [*report.rows, *report.clients]:
        table.add_row(*_mix_cells(row), style="bold red" if row.flips else None)
    console.print(table)
    for line in report.missing:
        console.print(f"[yellow]{line}[/yellow]")


def mix_markdown(report: MixReport) -> str:
    """The same for a README, with the command."""
    machine = report.machine
    measured = (
        f"`{report.command}`: Linux {machine['kernel']}, {machine['cores']} cores, {report.requests:,} requests, "
        f"{report.in_flight} in flight, limit {LIMITS.cpu_seconds:g} s, lost after {PATIENCE_SECONDS:g} s in the "
        f"queue; load before {machine['load_before']}."
    )
    table = _markdown_table(_MIX_HEADINGS, [_mix_cells(row) for row in [*report.rows, *report.clients]])
    return "\n".join([measured, "", *table, *(f"\n- {line}" for line in report.missing)]) + "\n"


def show_repeat(rows: Sequence[RepeatRow], console: Console) -> None:
    """Print the table of `assay bench repeat`."""
    table = _table("looking for repeats", _REPEAT_HEADINGS)
    for row in rows:
        table.add_row(*_repeat_cells(row), style="bold" if row.way == OURS else None)
    console.print(table)


def repeat_markdown(rows: Sequence[RepeatRow]) -> str:
    """The same for a README."""
    return "\n".join(_markdown_table(_REPEAT_HEADINGS, [_repeat_cells(row) for row in rows])) + "\n"


def notes(report: Report) -> list[str]:
    """Peers that are not here, and the first error of each that had one."""
    failed = [
        f"{row.peer}, {row.program}, {row.in_flight} in flight: {row.first_error}"
        for row in report.rows
        if row.first_error
    ]
    return [*report.missing, *failed]


def _programs(report: Report) -> list[Name]:
    return list(dict.fromkeys(row.program for row in report.rows))


def _rows(report: Report, program: Name) -> list[Row]:
    return [row for row in report.rows if row.program == program]


def _cells(row: Row) -> list[str]:
    return [
        row.peer,
        str(row.in_flight),
        _short(row.per_second),
        "" if row.ratio is None else f"{row.ratio:.3f}",
        _milliseconds(row.p50_seconds),
        _milliseconds(row.p99_seconds),
        _milliseconds(row.cpu_seconds),
        str(row.errors),
    ]


def _slots_cells(row: SlotsRow) -> list[str]:
    return [
        f"{row.slots:,}",
        _short(row.start_seconds),
        f"{row.memory_bytes / 1024:,.0f}",
        _milliseconds(row.p50_seconds),
        f"{row.ratio:.2f}",
        f"{row.ratio_lowest:.2f} to {row.ratio_highest:.2f}",
        f"{row.sleepers_at_once:,}",
        _short(row.sleepers_seconds),
    ]


def _mix_cells(row: MixRow) -> list[str]:
    return [
        row.setting,
        row.kind,
        f"{row.requests:,}",
        f"{row.lost:,}",
        f"{row.flips:,}",
        _milliseconds(row.p50_seconds),
        _milliseconds(row.p99_seconds),
    ]


def _repeat_cells(row: RepeatRow) -> list[str]:
    return [
        row.way,
        f"{row.sequences:,}",
        f"{row.tokens_in_call:,}",
        _short(row.nanoseconds),
        f"{_short(row.nanoseconds_lowest)} to {_short(row.nanoseconds_highest)}",
        _short(row.bytes / 1024),
    ]


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else _short(seconds * 1e3)


def _short(value: float) -> str:
    """Three digits that mean something, as far as they are behind the point."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _parts(report: Report) -> Table:
    rows = [row for row in report.rows if row.cpu_seconds_of]
    parts = list(rows[0].cpu_seconds_of)
    table = _table("of the CPU time, in microseconds per run", ("peer", "in flight", *parts, "programs and kernel"))
    for row in rows:
        rest = (row.cpu_seconds or 0.0) - sum(row.cpu_seconds_of.values())
        used = [*(row.cpu_seconds_of[part] for part in parts), rest]
        table.add_row(f"{row.peer}, {row.program}", str(row.in_flight), *(f"{value * 1e6:,.0f}" for value in used))
    return table


def _markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(headings)} |",
        f"|---|{'---:|' * (len(headings) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left", no_wrap=not index)
    return table
