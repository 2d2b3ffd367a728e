"""What benches.scale found, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benches.scale import AWAY_SECONDS, FAILING_SECONDS, SLOTS, World, share

FAILS = f"Each node fails every {FAILING_SECONDS:g} s and is away for {AWAY_SECONDS:g} s."
Found = Mapping[bool, Mapping[str, Mapping[int, World]]]


def table(found: Found, real: Sequence[Mapping[str, Any]]) -> str:
    """Markdown."""
    lines = ["# How requests are spread over nodes", "", f"{SLOTS} slots a node, at 0.8 of what they can do."]
    for fails, policies in found.items():
        lines += ["", FAILS if fails else "No node fails."]
        lines += ["", "| nodes | policy | waits: median, s | 95 % | 99 % |", "|---:|---|---:|---:|---:|"]
        for nodes in sorted(next(iter(policies.values()))):
            for policy, worlds in policies.items():
                waits = worlds[nodes].waits
                parts = (f"{share(waits, part):.2f}" for part in (0.5, 0.95, 0.99))
                lines.append(f"| {nodes:,} | {policy} | {' | '.join(parts)} |")
    lines += ["", "Real nodes on one machine of two cores, jobs per second:", ""]
    lines += ["| nodes | programs that sleep | simulated | off by | programs that spin |"]
    lines += ["|---:|---:|---:|---:|---:|"]
    for row in real:
        off = row["simulated"] / row["real"] - 1
        rates = f"{row['real']:.1f} | {row['simulated']:.1f} | {off:+.1%} | {row['spinning']:.1f}"
        lines.append(f"| {row['nodes']} | {rates} |")
    return "\n".join(lines) + "\n"


def picture(found: Found, path: Path) -> None:
    """The 99th percentile of the waits over the number of nodes."""
    mpl.use("agg")
    from matplotlib import pyplot

    figure, sides = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for side, (fails, policies) in zip(sides, found.items(), strict=True):
        for policy, worlds in policies.items():
            nodes = sorted(worlds)
            waits = [max(share(worlds[each].waits, 0.99), 0.01) for each in nodes]
            side.plot(nodes, waits, marker="o", label=policy, linestyle=":" if policy == "central queue" else "-")
        side.set(xscale="log", yscale="log", xlabel="nodes")
        side.set_title(FAILS if fails else "No node fails.")
        side.grid(alpha=0.3)
    sides[0].set_ylabel("wait for a slot, 99th percentile, seconds")
    sides[0].legend()
    figure.suptitle(f"{SLOTS} slots a node, at 0.8 of what they can do; programs skewed up to 2 s")
    figure.savefig(path, dpi=110)
