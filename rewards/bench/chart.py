"""The benches of rewards as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.errors import CannotStart
from rewards.bench.code import CodeReport
from rewards.bench.step import StepReport
from rewards.bench.ways import WAYS

_INCHES: Final = (11.0, 4.6)
_NO_MATPLOTLIB: Final = "a picture needs matplotlib: pip install 'assay[bench]'"


def draw_code(report: CodeReport, path: Path) -> None:
    """Tests per second and false verdicts by set and way, as PNG; raises CannotStart without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CannotStart(_NO_MATPLOTLIB) from None
    figure = Figure(figsize=_INCHES, layout="constrained")
    rates, false = figure.subplots(1, 2)
    sets = list(dict.fromkeys(row.set for row in report.rows))
    ways = [way for way in WAYS if any(row.way == way for row in report.rows)]
    width = 0.8 / len(ways)
    for number, way in enumerate(ways):
        rows = [row for row in report.rows if row.way == way]
        where = [sets.index(row.set) + (number - (len(ways) - 1) / 2) * width for row in rows]
        rates.bar(where, [row.tests_per_second for row in rows], width, label=way)
        shares = [100 * row.false / (row.items * report.rounds) for row in rows]
        false.bar(where, shares, width)
    rates.set(title="tests per second", ylabel="tests/s", yscale="log")
    false.set(title="false verdicts", ylabel="% of the programs")
    if not any(row.false for row in report.rows):
        false.set_ylim(0, 1)
    for axes in (rates, false):
        axes.set_xticks(range(len(sets)), sets)
        axes.grid(True, axis="y", alpha=0.4)
    figure.legend(*rates.get_legend_handles_labels(), loc="outside lower center", ncols=len(ways), frameon=False)
    figure.suptitle(f"{report.in_flight} in flight, {report.machine['cores']} cores")
    figure.savefig(path, dpi=130)


def draw_step(report: StepReport, path: Path) -> None:
    """The share of rewards that are there by seconds, of each way, as PNG; raises CannotStart without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CannotStart(_NO_MATPLOTLIB) from None
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.subplots()
    for row in report.rows:
        number = len(row.ended_seconds)
        shares = [100 * (index + 1) / number for index in range(number)]
        name = f"{row.way}, {row.step}" if row.way == "assay" else row.way
        line = axes.step([0.0, *row.ended_seconds], [0.0, *shares], where="post", label=name)[0]
        axes.axvline(row.but_loops_seconds, color=line.get_color(), linestyle=":")
    axes.set(
        title=f"{report.problems} x {report.completions} completions, {report.tests:,} tests, "
        f"{report.machine['cores']} cores; dotted: all but the loops",
        xlabel="seconds",
        ylabel="% of the rewards",
    )
    axes.grid(True, alpha=0.4)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=130)
