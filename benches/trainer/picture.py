"""The bench as a picture: seconds by phase, held-out reward over seconds, each measure switched off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from benches.trainer.parts import OURS, PEERS
from benches.trainer.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PHASES: Final = ("generate", "reward", "update", "sync")
_INCHES: Final = (16.0, 11.0)


def draw(results: Results, path: Path) -> None:
    """Write the PNG; what was not measured stays empty."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, layout="constrained")
    (phases, learning), (off, others) = figure.subplots(2, 2)
    _phases(results, phases)
    _learning(results, learning)
    _ratios(results, off, ("e",), "an iteration with each measure off")
    # From a fifth to ten times.
    others.set_xscale("log")
    _ratios(results, others, ("b", "c", "d"), "update, head and sync")
    machine = results.machine
    figure.suptitle(f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}")
    figure.savefig(path, dpi=110)


def _phases(results: Results, axes: Axes) -> None:
    names: list[str] = []
    for comparison in results.comparisons:
        if comparison.part not in ("a", "f"):
            continue
        for row in comparison.rows:
            left, tokens = 0.0, row.middle("completion_tokens") or 1.0
            names.append(f"{comparison.title}: {row.way}")
            for number, phase in enumerate(_PHASES):
                width = 1e3 * (row.middle(phase) or 0.0) / tokens
                label = phase if len(names) == 1 else None
                axes.barh(len(names) - 1, width, left=left, color=f"C{number}", label=label)
                left += width
    axes.set_yticks(range(len(names)), names, fontsize=6)
    axes.invert_yaxis()
    axes.set(title="milliseconds for each token of a response", xlabel="ms")
    if names:
        axes.legend(fontsize=7)


def _learning(results: Results, axes: Axes) -> None:
    for curve in sorted(results.curves, key=lambda each: each.swept):
        colour = f"C{list(PEERS).index(curve.peer)}"
        axes.plot(
            [point.seconds for point in curve.points],
            [point.reward for point in curve.points],
            "--" if curve.swept else "-",
            color=colour,
            alpha=0.3 if curve.swept else 1.0,
            linewidth=2.0 if curve.peer == OURS else 1.4,
            label=None if curve.swept else f"{curve.peer}, {curve.learning_rate:g}, seed {curve.seed}",
        )
    axes.set(title="held-out reward (pale: the sweep)", xlabel="seconds of training")
    axes.grid(alpha=0.3)
    if results.curves:
        axes.legend(fontsize=7)


def _ratios(results: Results, axes: Axes, parts: tuple[str, ...], title: str) -> None:
    names: list[str] = []
    for comparison in results.comparisons:
        if comparison.part not in parts:
            continue
        for row in comparison.rows:
            if row.way == comparison.baseline:
                continue
            ratios = comparison.ratios(row.way)
            names.append(f"{comparison.title}: {row.way}" if len(parts) > 1 else row.way)
            middle = comparison.ratio(row.way) or 0.0
            reach = [[middle - min(ratios)], [max(ratios) - middle]] if ratios else None
            axes.barh(len(names) - 1, middle, xerr=reach, color="C0")
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names, fontsize=6)
    axes.invert_yaxis()
    axes.set(title=title, xlabel="ratio of seconds")
