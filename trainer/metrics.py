"""What a run leaves to be read: its configuration, and a line of metrics.jsonl for each iteration."""

from __future__ import annotations

import json
import resource
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import torch

from engine.errors import BadInput
from rewards import NotJudged
from trainer.advantages import total, uniform
from trainer.buffer import Generated, TextOf
from trainer.config import TrainerConfig
from trainer.tables import RewardWeights
from trainer.tensorboard import EventFile
from trainer.types import Cost, Group, HeldOut, Iteration, Prompt, Rolled, Update

_MOST_DIFFICULTIES: Final = 8
_BINS: Final = 5


class Difficulties:
    """Gives a prompt's difficulty a name.

    It is the label itself where the prompts have no more than eight; of more, the fifth of the prompts that it is in,
    as "0.3 to 0.5".
    """

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        labels = sorted(prompt.difficulty for prompt in prompts if prompt.difficulty is not None)
        self._distinct = sorted(set(labels))
        self._highest = self._distinct
        if len(self._distinct) > _MOST_DIFFICULTIES:
            self._highest = sorted({labels[len(labels) * place // _BINS - 1] for place in range(1, _BINS + 1)})

    def of(self, difficulty: float) -> str:
        """The name; `difficulty` is one of the prompts'."""
        place = bisect_left(self._highest, difficulty)
        highest = self._highest[place]
        below = bisect_left(self._distinct, self._highest[place - 1]) + 1 if place else 0
        lowest = self._distinct[below]
        return f"{highest:g}" if lowest == highest else f"{lowest:g} to {highest:g}"

    def pass_rate(self, groups: Iterable[Group]) -> dict[str, float]:
        """Share of right rollouts by name, the easiest first; a prompt without a label is in none."""
        right: dict[float, list[float]] = defaultdict(list)
        for group in groups:
            if group.prompt.difficulty is not None:
                right[group.prompt.difficulty] += [rollout.parts["correct"] >= 1.0 for rollout in group.rollouts]
        named: dict[str, list[float]] = defaultdict(list)
        for difficulty in sorted(right):
            named[self.of(difficulty)] += right[difficulty]
        return {name: mean(each) for name, each in named.items() if each}


def rolled(
    generated: Generated,
    groups: Sequence[Group],
    weights: RewardWeights,
    difficulties: Difficulties,
    *,
    buffered: int,
) -> Rolled:
    """The numbers of a rollout phase; `groups` are those of `generated` without what was not judged."""
    everyone = [rollout for group in generated.groups for rollout in group.rollouts]
    kept = [rollout for group in groups for rollout in group.rollouts]
    names = kept[0].parts if kept else ()
    return Rolled(
        tokens=generated.tokens,
        groups=len(groups),
        cut=generated.cut,
        buffered=buffered,
        lengths=mean([len(rollout.tokens) for rollout in everyone]),
        ended=Counter(rollout.end.value for rollout in everyone if rollout.end),
        not_judged=Counter(rollout.reward.reason for rollout in everyone if isinstance(rollout.reward, NotJudged)),
        parts={name: mean([rollout.parts[name] for rollout in kept]) for name in names},
        pass_rate=difficulties.pass_rate(groups),
        reward=mean([total(rollout, weights) for rollout in kept]),
        uniform=sum(uniform(group, weights) for group in groups),
        generating_seconds=generated.generating_seconds,
        scoring_seconds=generated.scoring_seconds,
    )


def peak_memory() -> tuple[int, int]:
    """Bytes since this process began: resident, and allocated on its device (0 without one)."""
    # Linux counts in KiB.
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return resident, torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0


def cost(numbers: Rolled, update: Update, seconds: Mapping[str, float]) -> Cost:
    """What the iteration of these numbers took, by the seconds of its phases."""
    resident, allocated = peak_memory()
    took = sum(seconds[phase] for phase in ("rollouts", "update", "sync"))
    return Cost(
        tokens_per_second=numbers.tokens / took,
        trained_tokens_per_second=update.trained_tokens * len(update.loss) / seconds["update"],
        idle_share=1 - (numbers.generating_seconds + seconds["update"]) / took,
        memory_bytes=resident,
        cuda_memory_bytes=allocated,
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
        first = going_on_at[1] + 1 if going_on_at else 0
        self._events = EventFile(directory, first) if config.run.tensorboard else None

    def close(self) -> None:
        """End its files; idempotent."""
        if self._events:
            self._events.close()

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
                    "prompt": text(groups[0].prompt.tokens.tolist()),
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
        if self._events:
            self._events.write(line)


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


def mean(numbers: Sequence[float]) -> float:
    """0 without any."""
    return sum(numbers) / len(numbers) if numbers else 0.0
