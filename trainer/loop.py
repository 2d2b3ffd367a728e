"""The trainer: an iteration reads as the algorithm."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final

import torch
from torch import Tensor

from engine.errors import BadInput
from trainer import checkpoint
from trainer.advantages import advantages as group_advantages
from trainer.advantages import judged, uniform
from trainer.batch import pack
from trainer.config import TrainerConfig
from trainer.engines import device, new_engine
from trainer.errors import RewardsUnavailable
from trainer.evaluation import evaluate
from trainer.metrics import Metrics, rolled
from trainer.policy import Policy
from trainer.prompts import load_tokenizer, read_prompts, stop_tokens
from trainer.rewards import RewardFunction, Scoring
from trainer.rollouts import Buffer
from trainer.sampling import Sampler
from trainer.types import Group, HeldOut, Iteration, Prompt, Rolled, Update
from trainer.update import Optimizer
from trainer.weights import WeightSync

_CHECKPOINTS: Final = "checkpoints"
_OPTIMIZER: Final = "optimizer.pt"


class Trainer:
    """Mirror descent on rewards: iterate over it, or call `rollout`, `advantages`, `update` and `sync` yourself.

    prompts   in place of the file that the configuration names
    held_out  in place of its file for the evaluation
    reward    in place of the daemon: `async def reward(prompt, text) -> float | Reward | NotJudged`
    resume    go on with the run in the configuration's directory, from its newest checkpoint that is whole; where there
              is none it begins anew

    Raises BadInput for a configuration, a model or prompts that cannot be trained; while it runs also RolloutsFailed,
    RewardsUnavailable and StaleWeights.
    """

    def __init__(
        self,
        config: TrainerConfig,
        *,
        prompts: Iterable[Prompt] | None = None,
        held_out: Iterable[Prompt] | None = None,
        reward: RewardFunction | None = None,
        resume: bool = False,
    ) -> None:
        self.config = config
        self.directory = Path(config.run.directory)
        found = checkpoint.newest(self.directory / _CHECKPOINTS) if resume else None
        if found:
            checkpoint.check_config(found[1], config)
        self.tokenizer = load_tokenizer(config.model.path)
        self._stop = stop_tokens(config.model.path, self.tokenizer)
        given = config.prompts
        train = read_prompts(given.path, self.tokenizer) if prompts is None else list(prompts)
        if held_out is None:
            held_out = read_prompts(given.held_out, self.tokenizer) if given.held_out else ()
        self._held_out = list(held_out)
        place, state = found or (None, checkpoint.State.beginning(config))
        self.number, self.policy_version = state.number, state.policy_version
        self._sampler = Sampler(config.sampling, train, seed=config.run.seed, drawn=state.drawn, success=state.success)
        groups = state.restored_groups({prompt.id: prompt for prompt in train})
        self._metrics = Metrics(self.directory, config, (state.metrics_bytes, state.number) if resume else None)
        self.policy = Policy(
            config.model if place is None else replace(config.model, path=str(place / checkpoint.MODEL)),
            temperature=config.rollouts.temperature,
            head_chunk=config.update.head_chunk,
            device=device(),
        )
        self._optimizer = Optimizer(self.policy, config.update)
        if place is not None and (place / _OPTIMIZER).exists():
            self._optimizer.restore(torch.load(place / _OPTIMIZER, weights_only=True))
        self._engine = new_engine(config, self._stop)
        try:
            self._check_lengths([*train, *self._held_out])
        except BadInput:
            self._engine.close()
            raise
        self._scoring = Scoring(config.rewards, reward)
        self._buffer = Buffer(
            config.rollouts,
            self._engine,
            self._scoring,
            self._text,
            repeats=config.repeats,
            seed=config.run.seed,
        )
        self._buffer.restore(groups, state.opened)
        self._sync = WeightSync(
            self._engine,
            self.policy.weights,
            self.policy.response_distributions,
            train[0].tokens,
            dtype=config.model.dtype,
            deadline_seconds=config.weights.deadline_seconds,
        )
        if place is None:
            self._sync.probe(self.policy_version)
        else:
            self.sync()
        self._rolled = Rolled()

    def __enter__(self) -> Trainer:
        """The trainer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Give back the engine and the connection to the daemon; idempotent."""
        self._sync.close()
        self._engine.close()
        self._scoring.close()

    def __iter__(self) -> Iterator[Iteration]:
        """The iterations that are left."""
        while self.number < self.config.run.iterations:
            yield self.step()

    def step(self) -> Iteration:
        """One iteration; a line of metrics.jsonl."""
        held_out: HeldOut | None = None
        clock = _Clock()
        if self.number == 0:
            self._metrics.held_out(0, self.evaluate())
        with clock("rollouts"):
            groups = self.rollout()
        with clock("update"):
            update = self.update(groups, self.advantages(groups))
        with clock("sync"):
            probe_gap = self.sync()
        if self._held_out and (self.number % self.config.prompts.evaluate_every == 0 or self._last):
            with clock("evaluation"):
                held_out = self.evaluate()
        iteration = Iteration(
            number=self.number,
            policy_version=self.policy_version - 1,
            reward=self._rolled.reward,
            rolled=self._rolled,
            update=update,
            probe_gap=probe_gap,
            seconds=clock.seconds,
            held_out=held_out,
        )
        self._metrics.write(iteration)
        if self.number % self.config.run.checkpoint_every == 0 or self._last:
            self.checkpoint()
        return iteration

    @property
    def _last(self) -> bool:
        return self.number == self.config.run.iterations

    def rollout(self) -> list[Group]:
        """Serve the buffer, sample prompts, score while it generates: the groups that closed and teach something."""
        self.number += 1
        self._buffer.open(self._sampler.take(self._buffer.room), self.number)
        generated = self._buffer.generate(self.policy_version)
        weights = self.config.weights_in(self.number)
        groups = [judged(group) for group in generated.groups]
        self._sampler.observe(groups)
        self._rolled = rolled(generated, groups, weights, buffered=len(self._buffer))
        self._metrics.samples(self.number, groups, weights, self._text)
        self._check_judged(self._rolled)
        return [group for group in groups if not uniform(group, weights)]

    def advantages(self, groups: Sequence[Group]) -> Tensor:
        """float32 [rollouts], in the order of the groups and their rollouts."""
        return group_advantages(groups, self.config.weights_in(self.number), self.config.update)

    def update(self, groups: Sequence[Group], advantages: Tensor) -> Update:
        """Inner steps against the policy as it is now."""
        rollouts = self.config.rollouts
        batch = pack(
            groups,
            budget=self.config.update.tokens_per_micro_batch,
            train_segments=rollouts.train_segments,
            policy_version=self.policy_version,
            device=self.policy.device,
        )
        divisor = rollouts.groups_per_iteration * rollouts.rollouts_per_group
        update = self._optimizer.update(batch, advantages, divisor=divisor)
        self.policy_version += 1
        return update

    def sync(self) -> float:
        """The weights to the engine; the largest gap of the probe that proves it. Raises StaleWeights."""
        return self._sync.sync(self.policy_version)

    def evaluate(self) -> HeldOut | None:
        """Rewards on the held-out prompts, sampled and greedy; None where there are none."""
        if not self._held_out:
            return None
        longest = self.config.rollouts.max_tokens
        return evaluate(self._held_out, self._engine, self._scoring, self._text, longest, seed=self.config.run.seed)

    def checkpoint(self) -> Path:
        """Write where a resumed run goes on, between two iterations; its directory."""
        state = checkpoint.State(
            number=self.number,
            policy_version=self.policy_version,
            drawn=self._sampler.drawn,
            success=self._sampler.success,
            opened=self._buffer.opened,
            groups=checkpoint.saved_groups(self._buffer.groups()),
            metrics_bytes=self._metrics.length,
            config=self.config.to_table(),
        )
        return checkpoint.write(self.directory / _CHECKPOINTS, state, self._write_weights)

    def _write_weights(self, directory: Path) -> None:
        self.save(directory / checkpoint.MODEL)
        if (optimizer := self._optimizer.state()) is not None:
            torch.save(optimizer, directory / _OPTIMIZER)

    def save(self, directory: str | Path) -> None:
        """The policy and its tokenizer in Hugging Face's format."""
        self.policy.save(directory)
        self.tokenizer.save_pretrained(directory)

    def _text(self, tokens: Sequence[int]) -> str:
        """A response's text, without the token that stopped it."""
        kept = tokens[:-1] if tokens and tokens[-1] in self._stop else tokens
        return str(self.tokenizer.decode(list(kept), clean_up_tokenization_spaces=False))

    def _check_judged(self, numbers: Rolled) -> None:
        missing, everyone = sum(numbers.not_judged.values()), sum(numbers.ended.values())
        most = self.config.rewards.max_not_judged
        if missing > most * everyone:
            reason, count = max(numbers.not_judged.items(), key=lambda entry: entry[1])
            raise RewardsUnavailable(
                f"{missing} of {everyone} rollouts were not judged, above rewards.max_not_judged = {most:g}; "
                f"{count} of them: {reason}"
            )

    def _check_lengths(self, prompts: Sequence[Prompt]) -> None:
        longest = max(prompts, key=lambda prompt: len(prompt.tokens))
        rollouts, budget = self.config.rollouts, self.config.update.tokens_per_micro_batch
        needed = len(longest.tokens) + rollouts.max_tokens
        if needed > self._engine.context_tokens:
            raise BadInput(
                "rollouts.max_tokens",
                rollouts.max_tokens,
                f"with the {len(longest.tokens)} tokens of prompt {longest.id} above the model's context of "
                f"{self._engine.context_tokens}",
            )
        if needed > budget:
            raise BadInput(
                "update.tokens_per_micro_batch",
                budget,
                f"prompt {longest.id} and a response of rollouts.max_tokens have {needed} tokens",
            )


class _Clock:
    """Seconds of each phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, phase: str) -> _Clock:
        self._phase, self._began = phase, time.monotonic()
        return self

    def __enter__(self) -> None:
        """Begin the phase."""

    def __exit__(self, *_exception: object) -> None:
        """End it."""
        self.seconds[self._phase] = time.monotonic() - self._began
