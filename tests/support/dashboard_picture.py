"""The panels of a dashboard as Prometheus answers them, as a picture; Grafana's own look is not tried for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

_GRID_COLUMNS = 24
_INCHES = (0.75, 0.36)  # of a step of Grafana's grid, across and down


def draw(panels: Sequence[Mapping[str, Any]], course: Callable[[str], list[dict[str, Any]]], path: Path) -> None:
    """Draw each panel where its gridPos is; `course` gives the series of an expression."""
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = Figure(figsize=(_GRID_COLUMNS * _INCHES[0], height * _INCHES[1]), layout="constrained")
    grid = figure.add_gridspec(height, _GRID_COLUMNS)
    for panel in panels:
        at = panel["gridPos"]
        axes = figure.add_subplot(grid[at["y"] : at["y"] + at["h"], at["x"] : at["x"] + at["w"]])
        axes.set_title(f"{panel['title']} ({panel['fieldConfig']['defaults']['unit']})", fontsize=9)
        curves = [
            (_legend(target["legendFormat"], series["metric"]), series["values"])
            for target in panel["targets"]
            for series in course(target["expr"])
        ]
        if panel["type"] == "stat":
            axes.axis("off")
            for index, (name, values) in enumerate(curves):
                where = ((index + 0.5) / len(curves), 0.5)
                axes.annotate(f"{name}\n{values[-1][1]}", where, ha="center", va="center", fontsize=9)
            continue
        for name, values in curves:
            axes.plot([at for at, _ in values], [float(value) for _, value in values], linewidth=1.2, label=name)
        axes.set_ylim(bottom=0)
        axes.set_xticks([])
        axes.tick_params(labelsize=8)
        axes.grid(True, alpha=0.3)
        axes.legend(fontsize=7, loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=70)


def _legend(form: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda name: labels.get(name[1], ""), form)
