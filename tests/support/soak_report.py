"""A soak of the daemon as a picture: answers by kind, those that were not judged, memory; when what was done to it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.support.soak_record import Record

MIB = 1 << 20
# So many columns at most.
COLUMNS = 150


def draw(record: Record, memory: list[tuple[float, dict[str, float]]], path: Path) -> None:
    """As PNG; `memory` holds bytes by name at times of time.monotonic()."""
    first = min(said.began for said in record.said)
    last = max(said.ended for said in record.said)
    width = max(1.0, round((last - first) / COLUMNS))
    figure = Figure(figsize=(12, 9), layout="constrained")
    answers, refused, kept, done = figure.subplots(4, 1, sharex=True, height_ratios=(4, 1.3, 2, 2))
    columns = [width * number for number in range(int((last - first) / width) + 1)]
    counts = Counter((said.kind, int((said.ended - first) / width)) for said in record.said if said.came == "right")
    kinds = sorted({said.kind for said in record.said})
    rates = [[counts[kind, number] / width for number in range(len(columns))] for kind in kinds]
    answers.stackplot(columns, *rates, labels=kinds, step="post")
    answers.set_ylabel("right answers per second")
    answers.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    not_judged = Counter(int((said.ended - first) / width) for said in record.said if said.came == "not judged")
    refused.bar(
        columns, [not_judged[number] for number in range(len(columns))], width, align="edge", color="tab:orange"
    )
    refused.set_ylim(0, 1.1 * max(1, *not_judged.values(), 1))
    refused.set_ylabel("not judged")
    for name in memory[0][1]:
        times = [when - first for when, _ in memory]
        kept.plot(times, [sample[name] / MIB for _, sample in memory], label=name, marker=".")
    kept.set_ylim(bottom=0)
    kept.set_ylabel("MiB")
    kept.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    _marks(done, record, first)
    done.set_xlabel("seconds")
    total = Counter(said.came for said in record.said)
    figure.suptitle(
        f"{len(record.said):,} answers in {last - first:,.0f} s: {total['wrong']} wrong, {total['lost']} lost, "
        f"{total['not judged']} not judged; {len(record.done)} blows, {record.gone.total():,} clients that went away"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _marks(axes: Axes, record: Record, first: float) -> None:
    for name in sorted({what for what, _ in record.done}, reverse=True):
        times = [when - first for what, when in record.done if what == name]
        axes.plot(times, [name] * len(times), "v", markersize=6)
    axes.margins(y=0.2)
    axes.grid(True, axis="y", alpha=0.3)
