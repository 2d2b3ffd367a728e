"""What a run leaves to be read: its configuration, and a line of metrics.jsonl for each iteration."""

from __future__ import annotations

import json
import resource
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import msgspec
import torch

from engine.errors import BadInput
from rewards import NotJudged
from trainer.advantages import total, uniform
from trainer.buffer import Generated, TextOf
from trainer.config import TrainerConfig
from trainer.tables import RewardWeights
from trainer.tensorboard import EventFile
from trainer.types import Cost, Group, Iteration, Prompt, Rolled, Update

_MOST_DIFFICULTIES: Final = 8
_BINS: Final = 5


class Difficulties:
    """Gives a prompt's difficulty a name.

    It is the label itself where the prompts have no more than eight; of more, the fifth of the prompts that it is in,
    as "0.3 to 0.5".
    """

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        labels = sorted(prompt.difficulty for prompt in prompts if prompt.difficulty is not None)
        distinct = highest = sorted(set(labels))
        if len(distinct) > _MOST_DIFFICULTIES:
            highest = sorted({labels[len(labels) * place // _BINS - 1] for place in range(1, _BINS + 1)})
        self._names: dict[float, str] = {}
        for _, together in groupby(distinct, key=lambda label: bisect_left(highest, label)):
            bin_ = list(together)
            name = f"{bin_[0]:g}" if len(bin_) == 1 else f"{bin_[0]:g} to {bin_[-1]:g}"
            self._names |= dict.fromkeys(bin_, name)

    def of(self, difficulty: float) -> str:
        """The name; `difficulty` is one of the prompts'."""
        return self._names[difficulty]

    def pass_rate(self, groups: Iterable[Group]) -> dict[str, float]:
        """Share of right rollouts by name, the easiest first; a prompt without a label is in none."""
        right: dict[str, list[float]] = {name: [] for name in self._names.values()}
        for group in groups:
            if group.prompt.difficulty is not None:
                right[self.of(group.prompt.difficulty)] += [each.parts["correct"] >= 1.0 for each in group.rollouts]
        return {name: mean(each) for name, each in right.items() if each}


def rolled(generated: Generated, groups: Sequence[Group], weights: RewardWeights, difficulties: Difficulties) -> Rolled:
    """The numbers of a rollout phase; `groups` are those of `generated` without what was not judged."""
    everyone = [rollout for group in generated.groups for rollout in group.rollouts]
    kept = [rollout for group in groups for rollout in group.rollouts]
    names = kept[0].parts if kept else ()
    return msgspec.structs.replace(
        generated.numbers,
        groups=len(groups),
        lengths=mean([len(rollout.tokens) for rollout in everyone]) if everyone else None,
        ended=Counter(rollout.end.value for rollout in everyone if rollout.end),
        not_judged=Counter(rollout.reward.reason for rollout in everyone if isinstance(rollout.reward, NotJudged)),
        parts={name: mean([rollout.parts[name] for rollout in kept]) for name in names},
        pass_rate=difficulties.pass_rate(groups),
        reward=mean([total(rollout, weights) for rollout in kept]) if kept else None,
        uniform=sum(uniform(group, weights) for group in groups),
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
        length, last = going_on_at or (0, -1)
        with self._lines.open("ab") as file:
            file.truncate(length)
        self._rollouts = directory / "rollouts.jsonl"
        self._rollouts.write_bytes(_until(self._rollouts, last))
        (directory / "config.toml").write_bytes(msgspec.toml.encode(config.to_keep()))
        self._events = EventFile(directory, last + 1) if config.run.tensorboard else None

    def close(self) -> None:
        """End its files; idempotent."""
        if self._events:
            self._events.close()

    @property
    def length(self) -> int:
        """Of metrics.jsonl, in bytes."""
        return self._lines.stat().st_size

    def write(self, line: Iteration | dict[str, Any]) -> None:
        """Append a line: an iteration's, or a number with what stands beside no iteration."""
        with self._lines.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
        if self._events:
            self._events.write(line)

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


def _until(path: Path, number: int) -> bytes:
    """The lines of iterations up to that one."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return b"".join(line for line in lines if line.endswith(b"\n") and json.loads(line)["number"] <= number)


def line_of(iteration: Iteration) -> str:
    """An iteration in one line for a terminal."""
    rolled_, update = iteration.rolled, iteration.update
    parts = [
        f"{iteration.number:>5}",
        f"reward {shown(iteration.reward)}",
        f"uniform {rolled_.uniform} of {rolled_.groups}",
        f"length {shown(rolled_.lengths, 1)}",
        f"rho {update.rho[-1] if update.rho else 0.0:.3g}",
        f"gradient {update.gradient_norm[0] if update.gradient_norm else 0.0:.3g}",
        f"entropy {update.entropy:.2f}",
        f"gap {update.gap.max:.1g}",
        " ".join(f"{phase} {seconds:.2f} s" for phase, seconds in iteration.seconds.items()),
    ]
    if iteration.held_out is not None:
        parts.append(f"held out {shown(iteration.held_out.sampled)}, greedy {shown(iteration.held_out.greedy)}")
    if rolled_.not_judged:
        parts.append(f"not judged {sum(rolled_.not_judged.values())}")
    return "  ".join(parts)


def mean(numbers: Sequence[float]) -> float:
    """Of at least one."""
    return sum(numbers) / len(numbers)


def shown(number: float | None, decimals: int = 3) -> str:
    """A number for people; "-" where there is none."""
    return "-" if number is None else f"{number:.{decimals}f}"
