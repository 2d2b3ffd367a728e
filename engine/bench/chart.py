"""Benches as pictures."""

from __future__ import annotations

from pathlib import Path

from engine.bench.containers import Report, Row
from engine.bench.mix import KINDS, MixReport
from engine.errors import CannotStart

_INCHES = (11.0, 5.2)
_NO_MATPLOTLIB = "a picture needs matplotlib: pip install 'assay[bench]'"


def draw(report: Report, path: Path) -> None:
    """Every peer's runs per second and p50 over the number in flight, as PNG; raises CannotStart without matplotlib."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, NullFormatter
    except ImportError:
        raise CannotStart(_NO_MATPLOTLIB) from None
    program = report.rows[0].program if report.rows else "dynamic"
    in_flight = sorted({row.in_flight for row in report.rows})
    curves: dict[str, list[Row]] = {}
    for row in report.rows:
        if row.program == program and row.runs:
            curves.setdefault(row.peer, []).append(row)
    figure = Figure(figsize=_INCHES, layout="constrained")
    rates, latencies = figure.subplots(1, 2)
    # Fastest first, so that the legend stands in the order of the curves.
    for peer, rows in sorted(curves.items(), key=lambda curve: -max(row.per_second for row in curve[1])):
        width = 2.5 if peer.startswith("native") else 1.2
        style = "--" if peer == "bare" else "-"
        where = [row.in_flight for row in rows]
        rates.plot(where, [row.per_second for row in rows], style, marker="o", linewidth=width, label=peer)
        p50 = [1e3 * (row.p50_seconds or 0.0) for row in rows]
        latencies.plot(where, p50, style, marker="o", linewidth=width, label=peer)
    for axes, title, unit in ((rates, "runs per second", "runs/s"), (latencies, "median latency of the caller", "ms")):
        axes.set(title=title, xlabel="runs in flight", ylabel=unit, xscale="log", yscale="log")
        axes.set_xticks(in_flight, [str(number) for number in in_flight])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.grid(True, which="major", alpha=0.4)
        axes.grid(True, which="minor", alpha=0.12)
    figure.legend(*rates.get_legend_handles_labels(), loc="outside right center", frameon=False)
    machine = report.machine
    figure.suptitle(f"A {program} program that does nothing · {machine['cores']} cores, Linux {machine['kernel']}")
    figure.savefig(path, dpi=130)


def draw_mix(report: MixReport, path: Path) -> None:
    """Of each kind of program what was lost and what its callers waited, by setting, as PNG; raises CannotStart."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CannotStart(_NO_MATPLOTLIB) from None
    figure = Figure(figsize=_INCHES, layout="constrained")
    lost, waited = figure.subplots(1, 2)
    settings = list(dict.fromkeys(row.setting for row in report.rows))
    width = 0.8 / max(len(settings), 1)
    for number, setting in enumerate(settings):
        rows = {row.kind: row for row in report.rows if row.setting == setting}
        kinds = [kind.name for kind in KINDS if kind.name in rows]
        where = [index + (number - (len(settings) - 1) / 2) * width for index in range(len(kinds))]
        lost.bar(where, [100 * rows[kind].lost / max(rows[kind].requests, 1) for kind in kinds], width, label=setting)
        waited.bar(where, [1e3 * rows[kind].p50_seconds for kind in kinds], width)
        waited.plot(where, [1e3 * rows[kind].p99_seconds for kind in kinds], "k_", markersize=9)
    for axes, title, unit in ((lost, "requests lost", "%"), (waited, "p50 (bar) and p99 (line) of the caller", "ms")):
        axes.set(title=title, ylabel=unit)
        axes.set_xticks(range(len(KINDS)), [kind.name for kind in KINDS])
        axes.grid(True, axis="y", alpha=0.4)
    waited.set_yscale("log")
    figure.legend(*lost.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(f"{report.requests:,} requests, {report.in_flight} in flight, {report.machine['cores']} cores")
    figure.savefig(path, dpi=130)
