"""A run's metrics as a picture and as one HTML file that needs no network."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.errors import BadInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Line = Mapping[str, Any]
_PHASES: Final = ("rollouts", "update", "sync", "evaluation")
_SHOWN_ROLLOUTS: Final = 12

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
    rollouts = read_lines(directory / "rollouts.jsonl")[-_SHOWN_ROLLOUTS:]
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
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _summary(lines: Sequence[_Line], iterations: Sequence[_Line]) -> str:
    seconds = sum(sum(line["seconds"].values()) for line in iterations)
    tokens = sum(line["rolled"]["tokens"] for line in iterations)
    said = [
        f"{len(iterations)} iterations in {seconds:,.0f} s",
        f"{tokens / seconds:,.0f} response tokens per second",
        f"reward {iterations[0]['reward']:.3f} at first, {iterations[-1]['reward']:.3f} at last",
    ]
    held_out = _held_out(lines, "sampled")
    if held_out:
        said.append(f"on held-out prompts {held_out[0][1]:.3f} at first, {held_out[-1][1]:.3f} at last")
    not_judged = sum(sum(line["rolled"]["not_judged"].values()) for line in iterations)
    said.append(f"{not_judged} rollouts not judged")
    return "; ".join(said) + "."


def _held_out(lines: Sequence[_Line], way: str) -> list[tuple[int, float]]:
    return [(line["number"], line["held_out"][way]) for line in lines if line.get("held_out")]


def _draw(lines: Sequence[_Line], iterations: Sequence[_Line], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 4, figsize=(17, 7))
    numbers = [line["number"] for line in iterations]

    def curve(axis: Axes, name: str, of: Callable[[_Line], float]) -> None:
        axis.plot(numbers, [of(line) for line in iterations], label=name, linewidth=1.2)

    reward, lengths, step, gap, entropy, ended, groups, seconds = axes.flat
    curve(reward, "rollouts", lambda line: line["reward"])
    for way in ("sampled", "greedy"):
        if held_out := _held_out(lines, way):
            reward.plot(*zip(*held_out, strict=True), "o-", markersize=3, label=f"held out, {way}")
    for part in iterations[0]["rolled"]["parts"]:
        curve(groups, part, _rolled("parts", part))
    curve(lengths, "mean tokens", lambda line: line["rolled"]["lengths"])
    curve(step, "|rho| at the last step", lambda line: (line["update"]["rho"] or [0.0])[-1])
    curve(step, "|A|", lambda line: line["update"]["advantage"])
    curve(step, "gradient norm", lambda line: (line["update"]["gradient_norm"] or [0.0])[0])
    curve(gap, "sd", lambda line: line["update"]["gap"]["sd"])
    curve(gap, "max", lambda line: line["update"]["gap"]["max"])
    curve(gap, "probe", lambda line: line["probe_gap"])
    curve(entropy, "nats per token", lambda line: line["update"]["entropy"])
    for end in ("stop", "length", "repeat"):
        curve(ended, end, _rolled("ended", end))
    curve(ended, "not judged", lambda line: sum(line["rolled"]["not_judged"].values()))
    curve(ended, "cut", lambda line: line["rolled"]["cut"])
    seconds.stackplot(
        numbers, [[line["seconds"].get(phase, 0.0) for line in iterations] for phase in _PHASES], labels=_PHASES
    )
    titles = {
        reward: "reward",
        lengths: "response length",
        step: "the update",
        gap: "gap between sampler and trainer",
        entropy: "entropy",
        ended: "how rollouts ended",
        groups: "parts of the reward",
        seconds: "seconds",
    }
    for axis, title in titles.items():
        axis.set(title=title, xlabel="iteration")
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    for axis in (gap, step):
        axis.set_yscale("log")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _rolled(table: str, name: str) -> Callable[[_Line], float]:
    return lambda line: float(line["rolled"][table].get(name, 0))


def _table(rollouts: Sequence[_Line]) -> str:
    rows = [
        "<tr>"
        + "".join(
            f"<td>{html.escape(str(line[name]))}</td>" for name in ("number", "prompt_id", "end", "reward", "verdict")
        )
        + f"<td><pre>{html.escape(line['text'])}</pre></td></tr>"
        for line in rollouts
    ]
    head = "<tr><th>iteration<th>prompt<th>end<th>reward<th>verdict<th>text</tr>"
    return f"<table>{head}{''.join(rows)}</table>"
