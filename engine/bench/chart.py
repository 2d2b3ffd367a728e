"""The bench of containers as a picture."""

from __future__ import annotations

from pathlib import Path

from engine.bench.containers import Report, Row
from engine.errors import CannotStart

_INCHES = (11.0, 5.2)


def draw(report: Report, path: Path) -> None:
    """Every peer's runs per second and p50 over the number in flight, as PNG; raises CannotStart without matplotlib."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, NullFormatter
    except ImportError:
        raise CannotStart("a picture needs matplotlib: pip install 'assay[bench]'") from None
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
