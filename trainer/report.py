"""A run's metrics as a picture and as one HTML file that needs no network."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.errors import BadInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Line = Mapping[str, Any]
# Of the first ones, and of the last.
_SHOWN_ROLLOUTS: Final = 8

_PAGE: Final = """<!doctype html>
<meta charset="utf-8">
<title>{name}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }}
img {{ max-width: 100%; }}
table {{ border-collapse: collapse; }}
td, th {{ padding: .2rem .8rem; text-align: left; border-bottom: 1px solid #ddd; vertical-align: top; }}
pre {{ white-space: pre-wrap; margin: 0; }}
</style>
<h1>{name}</h1>
<p>{summary}</p>
<img alt="curves" src="data:image/png;base64,{picture}">
<h2>Rollouts</h2>
{rollouts}
<h2>Configuration</h2>
<pre>{config}</pre>
"""


def write_report(directory: str | Path) -> tuple[Path, Path]:
    """report.png and report.html of the run in `directory`; raises BadInput where there is none."""
    directory = Path(directory)
    lines = read_lines(directory / "metrics.jsonl")
    iterations = [line for line in lines if "rolled" in line]
    if not iterations:
        raise BadInput("directory", str(directory), "there is no iteration in its metrics.jsonl")
    picture, page = directory / "report.png", directory / "report.html"
    _draw(lines, iterations, picture)
    rollouts = read_lines(directory / "rollouts.jsonl")
    if len(rollouts) > 2 * _SHOWN_ROLLOUTS:
        rollouts = rollouts[:_SHOWN_ROLLOUTS] + rollouts[-_SHOWN_ROLLOUTS:]
    page.write_text(
        _PAGE.format(
            name=html.escape(directory.name),
            summary=html.escape(_summary(lines, iterations)),
            picture=base64.b64encode(picture.read_bytes()).decode(),
            rollouts=_table(rollouts),
            config=html.escape((directory / "config.toml").read_text()),
        )
    )
    return picture, page


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file of JSON lines; [] where it is not there, and without a line that is still written."""
    if not path.exists():
        return []
    # Of bytes: a text's lines end at signs that stand in JSON as well.
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def _summary(lines: Sequence[_Line], iterations: Sequence[_Line]) -> str:
    seconds = sum(sum(line["seconds"].values()) for line in iterations)
    tokens = sum(line["rolled"]["tokens"] for line in iterations)
    said = [f"{len(iterations)} iterations in {seconds:,.0f} s", f"{tokens / seconds:,.0f} response tokens per second"]
    if rewards := [line["reward"] for line in iterations if line["reward"] is not None]:
        said.append(f"reward {rewards[0]:.3f} at first, {rewards[-1]:.3f} at last")
    if held_out := _held_out(lines, "sampled"):
        said.append(f"on held-out prompts {held_out[0][1]:.3f} at first, {held_out[-1][1]:.3f} at last")
    said.append(f"{sum(line['cost']['idle_share'] for line in iterations) / len(iterations):.0%} of the time idle")
    said.append(f"{max(line['cost']['memory_bytes'] for line in iterations) / 2**30:.1f} GiB of memory at the most")
    not_judged = sum(sum(line["rolled"]["not_judged"].values()) for line in iterations)
    said.append(f"{not_judged} rollouts not judged")
    return "; ".join(said) + "."


def _held_out(lines: Sequence[_Line], way: str) -> list[tuple[int, float]]:
    held_out = [(line["number"], line["held_out"][way]) for line in lines if line.get("held_out")]
    return [point for point in held_out if point[1] is not None]


def _draw(lines: Sequence[_Line], iterations: Sequence[_Line], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import numpy as np
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(3, 4, figsize=(17, 10.5))
    panels = iter(axes.flat)
    numbers = [line["number"] for line in iterations]

    def panel(title: str, curves: Mapping[str, Callable[[_Line], float]], scale: str = "linear") -> Axes:
        axis: Axes = next(panels)
        for name, of in curves.items():
            axis.plot(numbers, [of(line) for line in iterations], label=name, linewidth=1.2)
        # What is not above 0 has no place on a logarithmic one.
        if scale == "log" and not any(of(line) > 0 for of in curves.values() for line in iterations):
            scale = "linear"
        axis.set(title=title, xlabel="iteration", yscale=scale)
        axis.grid(alpha=0.3)
        return axis

    reward = panel("reward", {"rollouts": _at("reward")})
    for way in ("sampled", "greedy"):
        if held_out := _held_out(lines, way):
            reward.plot(*zip(*held_out, strict=True), "o-", markersize=3, label=f"held out, {way}")
    # The first iterations may have closed no group.
    parts = dict.fromkeys(name for line in iterations for name in line["rolled"]["parts"])
    panel("parts of the reward", {part: _at("rolled", "parts", part) for part in parts})
    difficulties = dict.fromkeys(name for line in iterations for name in line["rolled"]["pass_rate"])
    panel("pass rate by difficulty", {name: _at("rolled", "pass_rate", name) for name in difficulties})
    panel("response length", {"mean tokens": _at("rolled", "lengths")})
    panel("advantage and penalty", {"|A|": _at("update", "advantage"), "|tau * rho|, last step": _at("tau_rho")})
    update = {"|rho|, last step": _at("update", "rho", -1), "gradient": _at("update", "gradient_norm", 0)}
    panel("the update", update, "log")
    gaps = {name: _at("update", "gap", name) for name in ("sd", "max")}
    panel("gap between sampler and trainer", gaps | {"probe": _at("probe_gap")}, "log")
    panel("entropy", {"nats per token": _at("update", "entropy")})
    ended = {end: _at("rolled", "ended", end) for end in ("stop", "length", "repeat")}
    not_judged = {"not judged": lambda line: sum(line["rolled"]["not_judged"].values())}
    panel("how rollouts ended", ended | not_judged | {"cut": _at("rolled", "cut")})
    groups = {"closed": "groups", "of them uniform": "uniform", "in the buffer": "buffered"}
    panel("groups", {name: _at("rolled", key) for name, key in groups.items()})
    speeds = {"generated": "tokens_per_second", "trained": "trained_tokens_per_second"}
    panel("tokens per second", {name: _at("cost", key) for name, key in speeds.items()}, "log")
    seconds = panel("seconds", {})
    phases = {
        "generating": _at("rolled", "generating_seconds"),
        "waiting for rewards": _at("rolled", "scoring_seconds"),
        **{phase: _at("seconds", phase) for phase in ("update", "sync", "evaluation")},
    }
    # Where a phase was not, its nan would leave a hole in all.
    spent = np.nan_to_num([list(map(of, iterations)) for of in phases.values()])
    seconds.stackplot(numbers, spent, labels=list(phases))
    for axis in axes.flat:
        if axis.get_legend_handles_labels()[1]:
            axis.legend(fontsize="x-small")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _at(*path: Any) -> Callable[[_Line], float]:
    """What a line has there; nan, which is not drawn, where it has nothing."""

    def value(line: _Line) -> float:
        try:
            found: Any = line
            for step in path:
                found = found[step]
        except (KeyError, IndexError):
            return math.nan
        return math.nan if found is None else float(found)

    return value


def _table(rollouts: Sequence[_Line]) -> str:
    def cells(line: _Line) -> Iterator[str]:
        for name in ("number", "prompt_id", "end", "reward", "verdict"):
            yield f"<td>{html.escape(str(line[name]))}</td>"
        for name in ("prompt", "text"):
            yield f"<td><pre>{html.escape(line[name])}</pre></td>"

    rows = [f"<tr>{''.join(cells(line))}</tr>" for line in rollouts]
    head = "<tr><th>iteration<th>id<th>end<th>reward<th>verdict<th>prompt<th>response</tr>"
    return f"<table>{head}{''.join(rows)}</table>"
