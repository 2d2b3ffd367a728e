"""What a run leaves to be read: its configuration, and a line of metrics.jsonl for each iteration."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.errors import BadInput
from rewards import NotJudged
from trainer.advantages import total, uniform
from trainer.config import TrainerConfig
from trainer.rollouts import Generated, TextOf
from trainer.tables import RewardWeights
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
    """The files of a run's directory.

    going_on_at  length of metrics.jsonl that a resumed run keeps, in bytes, and the number of its last iteration; None
                 begins one

    Raises BadInput where a run would write over another's.
    """

    def __init__(self, directory: Path, config: TrainerConfig, going_on_at: tuple[int, int] | None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lines = directory / "metrics.jsonl"
        if going_on_at is None and self._lines.exists() and self.length:
            raise BadInput(
                "run.directory", str(directory), "there is a run in it: go on with --resume, or name another"
            )
        with self._lines.open("ab") as file:
            file.truncate(going_on_at[0] if going_on_at else 0)
        self._rollouts = directory / "rollouts.jsonl"
        kept = _until(self._rollouts, going_on_at[1]) if going_on_at else b""
        self._rollouts.write_bytes(kept)
        (directory / "config.toml").write_bytes(msgspec.toml.encode(config.to_table()))

    @property
    def length(self) -> int:
        """Of metrics.jsonl, in bytes."""
        return self._lines.stat().st_size

    def write(self, iteration: Iteration) -> None:
        """Append an iteration's line."""
        self._append(iteration)

    def samples(self, number: int, groups: Sequence[Group], weights: RewardWeights, text: TextOf) -> None:
        """Append the best and the worst rollout of an iteration's first group, to be read."""
        if not groups or not groups[0].rollouts:
            return
        ordered = sorted(groups[0].rollouts, key=lambda rollout: total(rollout, weights))
        with self._rollouts.open("ab") as file:
            for rollout in {ordered[0].id: ordered[0], ordered[-1].id: ordered[-1]}.values():
                line = {
                    "number": number,
                    "id": rollout.id,
                    "prompt_id": rollout.prompt_id,
                    "end": rollout.end,
                    "reward": total(rollout, weights),
                    "verdict": getattr(rollout.reward, "verdict", None),
                    "text": text(rollout.tokens.tolist()),
                }
                file.write(msgspec.json.encode(line) + b"\n")

    def held_out(self, number: int, evaluation: HeldOut) -> None:
        """Append an evaluation's line that stands beside no iteration."""
        self._append({"number": number, "held_out": evaluation})

    def _append(self, line: object) -> None:
        with self._lines.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


def _until(path: Path, number: int) -> bytes:
    """The lines of iterations up to that one."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return b"".join(line for line in lines if line.endswith(b"\n") and json.loads(line)["number"] <= number)


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
