"""The growth of a soak as a table and as a picture."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from rich.table import Table

from tests.support.growth import ALLOWANCES, PER_RUNS, Growth

COLUMNS = 4
MIB = 1 << 20


def table(growth: Growth) -> Table:
    """First and last sample of everything, its slope, and what is allowed."""
    shown = Table(title=f"growth for each {PER_RUNS:,} runs, of {growth.runs[-1]:,}", title_justify="left")
    for heading in ("quantity", "first", "last", "slope", "+-", "allowed"):
        shown.add_column(heading, justify="left" if heading == "quantity" else "right", no_wrap=True)
    for name, slope in growth.slopes().items():
        values, allowance = growth.series[name], ALLOWANCES.get(name, 0.0)
        figures = (values[0], values[-1], slope.value, slope.error, allowance)
        style = "bold red" if slope.is_past(allowance) else None
        shown.add_row(
            name, *(f"{figure:,.0f}" if abs(figure) >= 10 else f"{figure:.3g}" for figure in figures), style=style
        )
    return shown


def draw(growth: Growth, path: Path) -> None:
    """One small curve for each quantity that ever changed, as PNG."""
    changing = [name for name, values in growth.series.items() if len(set(values)) > 1]
    rows = max(1, -(-len(changing) // COLUMNS))
    figure = Figure(figsize=(4 * COLUMNS, 2.4 * rows), layout="constrained")
    for index, name in enumerate(changing):
        axes = figure.add_subplot(rows, COLUMNS, index + 1)
        values = growth.series[name]
        unit = max(values) >= MIB
        axes.plot(growth.runs, [value / MIB for value in values] if unit else values, linewidth=1.2)
        axes.set_title(f"{name}{' (MiB)' if unit else ''}", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.ticklabel_format(useOffset=False, style="plain")
        axes.grid(True, alpha=0.3)
    unchanged = len(growth.series) - len(changing)
    figure.suptitle(f"{growth.runs[-1]:,} runs; {unchanged} other quantities never changed")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
