"""What a run leaves to be read: its configuration, and a line of metrics.jsonl for each iteration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rewards import NotJudged
from trainer.advantages import total, uniform
from trainer.config import RewardWeights, TrainerConfig
from trainer.rollouts import Generated
from trainer.types import Group, HeldOut, Iteration, Rolled


def rolled(generated: Generated, groups: Sequence[Group], weights: RewardWeights, *, buffered: int) -> Rolled:
    """The numbers of a rollout phase; `groups` are those of `generated` without what was not judged."""
    everyone = [rollout for group in generated.groups for rollout in group.rollouts]
    kept = [rollout for group in groups for rollout in group.rollouts]
    names = kept[0].parts if kept else ()
    return Rolled(
        tokens=generated.tokens,
        cut=generated.cut,
        buffered=buffered,
        lengths=_mean([len(rollout.tokens) for rollout in everyone]),
        ended=Counter(rollout.end.value for rollout in everyone if rollout.end),
        not_judged=Counter(rollout.reward.reason for rollout in everyone if isinstance(rollout.reward, NotJudged)),
        parts={name: _mean([rollout.parts[name] for rollout in kept]) for name in names},
        reward=_mean([total(rollout, weights) for rollout in kept]),
        uniform=sum(uniform(group, weights) for group in groups),
        generating_seconds=generated.generating_seconds,
        scoring_seconds=generated.scoring_seconds,
    )


class Metrics:
    """The files of a run's directory."""

    def __init__(self, directory: Path, config: TrainerConfig) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lines = directory / "metrics.jsonl"
        (directory / "config.toml").write_bytes(msgspec.toml.encode(config.to_table()))

    def write(self, iteration: Iteration) -> None:
        """Append an iteration's line."""
        self._append(iteration)

    def held_out(self, number: int, evaluation: HeldOut | None) -> None:
        """Append an evaluation's line that stands beside no iteration."""
        if evaluation is not None:
            self._append({"number": number, "held_out": evaluation})

    def _append(self, line: object) -> None:
        with self._lines.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


def line_of(iteration: Iteration) -> str:
    """An iteration in one line for a terminal."""
    rolled_, update = iteration.rolled, iteration.update
    parts = [
        f"{iteration.number:>5}",
        f"reward {iteration.reward:.3f}",
        f"length {rolled_.lengths:.1f}",
        f"rho {update.rho[-1] if update.rho else 0.0:.3g}",
        f"gradient {update.gradient_norm[0] if update.gradient_norm else 0.0:.3g}",
        f"entropy {update.entropy:.2f}",
        f"gap {update.gap.max:.1g}",
        " ".join(f"{phase} {seconds:.2f} s" for phase, seconds in iteration.seconds.items()),
    ]
    if iteration.held_out is not None:
        parts.append(f"held out {iteration.held_out.sampled:.3f}, greedy {iteration.held_out.greedy:.3f}")
    if rolled_.not_judged:
        parts.append(f"not judged {sum(rolled_.not_judged.values())}")
    return "  ".join(parts)


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0
