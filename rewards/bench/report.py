"""What the benches of rewards measured, as tables: on the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from rewards.bench.code import CodeReport, CodeRow
from rewards.bench.generated import CPU_LIMIT_SECONDS
from rewards.bench.step import StepReport, StepRow
from rewards.bench.ways import HOW

_NAMES: Final = ("set", "way", "step")
_CODE_HEADINGS: Final = (
    "set",
    "way",
    "items/s",
    "tests/s",
    "of Assay's",
    "CPU ms/test",
    "p50 ms",
    "p99 ms",
    "false",
)
_STEP_HEADINGS: Final = (
    "way",
    "step",
    "all but the loops s",
    "all s",
    "CPU s",
    "of the programs",
    "other",
    "false",
)


def show_code(report: CodeReport, console: Console) -> None:
    """Print the table of `assay bench code`."""
    title = f"{report.in_flight} in flight, {report.rounds} rounds, all ways in turn"
    _show(title, _CODE_HEADINGS, [_code_cells(row) for row in report.rows], report.missing, console)


def code_markdown(report: CodeReport) -> str:
    """The same for a README, with the command and how each way works."""
    what = f"{report.in_flight} in flight, {report.rounds} rounds"
    lines = _markdown(report.command, report.machine, what, _CODE_HEADINGS, [_code_cells(row) for row in report.rows])
    ways = dict.fromkeys(row.way for row in report.rows)
    return "\n".join([*lines, "", *(f"- **{way}**: {HOW[way]}" for way in ways), *_missing(report.missing)]) + "\n"


def show_step(report: StepReport, console: Console) -> None:
    """Print the table of `assay bench step`."""
    title = f"{report.problems} problems x {report.completions} completions, {report.tests:,} tests"
    _show(title, _STEP_HEADINGS, [_step_cells(row) for row in report.rows], report.missing, console)


def step_markdown(report: StepReport) -> str:
    """The same for a README, with the command."""
    what = (
        f"{report.problems} problems, {report.completions} completions of each, {report.tests:,} tests, of which "
        f"{report.needed:,} have to run; limit {CPU_LIMIT_SECONDS:g} s"
    )
    lines = _markdown(report.command, report.machine, what, _STEP_HEADINGS, [_step_cells(row) for row in report.rows])
    return "\n".join([*lines, *_missing(report.missing)]) + "\n"


def _code_cells(row: CodeRow) -> list[str]:
    return [
        row.set,
        row.way,
        _short(row.items_per_second),
        _short(row.tests_per_second),
        f"{row.times_assay:.2f}",
        _short(row.cpu_seconds * 1e3),
        _short(row.p50_seconds * 1e3),
        _short(row.p99_seconds * 1e3),
        f"{row.false}" + (f", {row.lost} lost" if row.lost else ""),
    ]


def _step_cells(row: StepRow) -> list[str]:
    programs = row.program_seconds
    return [
        row.way,
        row.step,
        _short(row.but_loops_seconds),
        _short(row.all_seconds),
        _short(row.busy_seconds),
        "" if programs is None else _short(programs),
        "" if programs is None else _short(row.busy_seconds - programs),
        f"{row.false}" + (f", {row.lost} lost" if row.lost else ""),
    ]


def _show(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], missing: Sequence[str], console: Console
) -> None:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        named = heading in _NAMES
        table.add_column(heading, justify="left" if named else "right", no_wrap=named)
    for row in rows:
        table.add_row(*row, style="bold" if "assay" in row else None)
    console.print(table)
    for line in missing:
        console.print(line, style="yellow", markup=False, soft_wrap=True)


def _markdown(
    command: str,
    machine: dict[str, str | int],
    what: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> list[str]:
    where = f"Linux {machine['kernel']}, {machine['cores']} cores"
    return [
        f"`{command}`: {where}, {what}; load before {machine['load_before']}.",
        "",
        f"| {' | '.join(headings)} |",
        f"|{'|'.join('---' if heading in ('set', 'way', 'step') else '---:' for heading in headings)}|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _missing(missing: Sequence[str]) -> list[str]:
    return [f"\n- {line}" for line in missing]


def _short(value: float) -> str:
    """Three digits that mean something, as far as they are behind the point."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
