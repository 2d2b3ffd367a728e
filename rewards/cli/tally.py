"""Rewards counted and shown: how many of each verdict, how right, how fast."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.table import Table

from engine.program import Verdict
from rewards.reward import NotJudged, Reward

NOT_JUDGED = "not judged"
# A reward of a kind that has no verdicts.
SCORED = "scored"


def verdict_name(reward: Reward | NotJudged) -> str:
    """The verdict's name, or "not judged"."""
    return NOT_JUDGED if isinstance(reward, NotJudged) else reward.verdict or SCORED


@dataclass
class Tally:
    """What came of one set of items; `seconds` is the clock time of all of them together."""

    name: str
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    reward_sum: float = 0.0
    labelled: int = 0
    agreed: int = 0
    seconds: float = 0.0

    def add(self, reward: Reward | NotJudged, latency_seconds: float) -> None:
        """Count one reward."""
        self.verdicts[verdict_name(reward)] += 1
        self.latencies.append(latency_seconds)
        if isinstance(reward, NotJudged):
            self.reasons[reward.reason] += 1
        else:
            self.reward_sum += reward.reward

    def compare(self, reward: Reward | NotJudged, label: str) -> bool:
        """Count whether the verdict is the label's."""
        agrees = verdict_name(reward) == label
        self.labelled += 1
        self.agreed += agrees
        return agrees

    @property
    def count(self) -> int:
        """How many rewards there are, those not judged included."""
        return self.verdicts.total()

    @property
    def not_judged(self) -> int:
        """How many were not judged."""
        return self.verdicts[NOT_JUDGED]

    def latency(self, share: float) -> float:
        """The latency in seconds that `share` of the items did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def table_of(tallies: Sequence[Tally]) -> Table:
    """One column for each tally; verdicts that nobody got are left out."""
    table = Table()
    table.add_column("")
    for tally in tallies:
        table.add_column(tally.name, justify="right")
    for name in (*(verdict.value for verdict in Verdict), SCORED, NOT_JUDGED):
        if any(tally.verdicts[name] for tally in tallies):
            table.add_row(name, *(str(tally.verdicts[name] or "") for tally in tallies))
    table.add_section()
    table.add_row("rewards", *(str(tally.count) for tally in tallies))
    table.add_row("mean reward", *(_mean(tally) for tally in tallies))
    if any(tally.labelled for tally in tallies):
        table.add_row("as labelled", *(_agreement(tally) for tally in tallies))
    table.add_row(
        "rewards per second", *(f"{tally.count / tally.seconds:,.0f}" if tally.seconds else "" for tally in tallies)
    )
    table.add_row("p50", *(_milliseconds(tally.latency(0.5)) for tally in tallies))
    table.add_row("p99", *(_milliseconds(tally.latency(0.99)) for tally in tallies))
    return table


def _mean(tally: Tally) -> str:
    judged = tally.count - tally.not_judged
    return f"{tally.reward_sum / judged:.3f}" if judged else ""


def _agreement(tally: Tally) -> str:
    return f"{tally.agreed} of {tally.labelled}" if tally.labelled else ""


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"
