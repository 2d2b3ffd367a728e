"""The trainer: an iteration reads as the algorithm."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import AssayError, BadInput
from trainer import checkpoint
from trainer.advantages import advantages as group_advantages
from trainer.batch import longest_batch, pack
from trainer.config import TrainerConfig
from trainer.daemon import check_items
from trainer.lead import Lead, Prompts
from trainer.metrics import cost
from trainer.policy import Policy
from trainer.progress import Say, silent
from trainer.prompts import load_tokenizer, read_prompts
from trainer.ranks import Ranks
from trainer.rewards import RewardFunction
from trainer.types import Group, HeldOut, Iteration, Prompt, Rolled, Update
from trainer.update import Optimizer
from trainer.weights import least_usual_gap

_T = TypeVar("_T")
_CHECKPOINTS: Final = "checkpoints"
_OPTIMIZER: Final = "optimizer.pt"


class Trainer:
    """Mirror descent on rewards: iterate over it, or call `rollout`, `advantages`, `update` and `sync` yourself.

    prompts   in place of the file that the configuration names
    held_out  in place of its file for the evaluation
    reward    in place of the daemon: `async def reward(prompt, text)`, which gives a finite number (numpy's and torch's
              too), a Reward, NotJudged, or None for not judged; a plain function is called one at a time
    resume    go on with the run in the configuration's directory, from its newest checkpoint that is whole; where there
              was never one it begins anew
    say       is told what the run does and waits for

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
        say: Say = silent,
    ) -> None:
        self.config = config
        self._told = say
        self.directory = Path(config.run.directory)
        self._ranks = Ranks()
        found = checkpoint.newest(self.directory / _CHECKPOINTS) if resume else None
        if found:
            checkpoint.check_config(found[1], config)
        place, state = found or (None, checkpoint.State(config=config.to_table()))
        self.number, self.policy_version = state.number, state.policy_version
        self._say("start", "the model")
        self.tokenizer = load_tokenizer(config.model.path)
        given = self._given(prompts, held_out)
        if reward is None:
            check_items([*given.train, *given.held_out])
        self._evaluates = bool(given.held_out)
        self._longest_prompt = max((len(prompt.tokens) for prompt in given.train), default=1)
        self.policy = Policy(
            config.model if place is None else replace(config.model, path=str(place / checkpoint.MODEL)),
            temperature=config.rollouts.temperature,
            head_chunk=config.update.head_chunk,
            device=self._ranks.device,
        )
        self.policy.shard(self._ranks)
        self._optimizer = Optimizer(self.policy, config.update, self._ranks, self._say)
        if place is not None and (place / _OPTIMIZER).exists():
            self._optimizer.restore(torch.load(place / _OPTIMIZER, weights_only=True))
        self._rolled = Rolled()
        self._lead: Lead | None = None

        def lead() -> None:
            self._lead = Lead(
                config,
                given,
                self.tokenizer,
                self._weights,
                self._distributions,
                reward,
                state,
                resumed=resume,
                say=self._say,
            )

        self._on_first(lead)
        try:
            if place is None:
                self.probe()
            else:
                self.sync()
            if self.policy.device.type == "cuda":
                self.rehearse()
        except AssayError:
            self.close()
            raise

    def _given(self, prompts: Iterable[Prompt] | None, held_out: Iterable[Prompt] | None) -> Prompts:
        files = self.config.prompts
        train = read_prompts(files.path, self.tokenizer) if prompts is None else prompts
        if held_out is None:
            held_out = read_prompts(files.held_out, self.tokenizer) if files.held_out else ()
        given = Prompts(list(train), list(held_out))
        if not given.train:
            raise BadInput("prompts", [], "expected at least one")
        return given

    def _say(self, phase: str, detail: str = "", /) -> None:
        self._told(f"iteration {self.number}/{self.config.run.iterations}  {phase}" if self.number else phase, detail)

    def __enter__(self) -> Trainer:
        """The trainer itself."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Give back the engine and the connection to the daemon; idempotent."""
        if self._lead is not None:
            self._lead.close()
        self._ranks.close()

    def __iter__(self) -> Iterator[Iteration]:
        """The iterations that are left."""
        while self.number < self.config.run.iterations:
            yield self.step()

    def step(self) -> Iteration:
        """One iteration; a line of metrics.jsonl."""
        held_out: HeldOut | None = None
        seconds: dict[str, float] = {}
        if self.number == 0 and (before := self.evaluate()) is not None:
            self._on_first(lambda: self._first.metrics.write({"number": 0, "held_out": before}))
        with _timed(seconds, "rollouts"):
            groups = self.rollout()
        with _timed(seconds, "update"):
            update = self.update(groups, self.advantages(groups))
        with _timed(seconds, "sync"):
            probe_gap = self.sync()
        if self._evaluates and (self.number % self.config.prompts.evaluate_every == 0 or self._last):
            with _timed(seconds, "evaluation"):
                held_out = self.evaluate()
        iteration = Iteration(
            number=self.number,
            policy_version=self.policy_version - 1,
            reward=self._rolled.reward,
            rolled=self._rolled,
            update=update,
            tau_rho=self.config.update.tau * update.rho[-1],
            probe_gap=probe_gap,
            seconds=seconds,
            cost=cost(self._rolled, update, seconds),
            held_out=held_out,
        )
        self._on_first(lambda: self._first.metrics.write(iteration))
        if self.number % self.config.run.checkpoint_every == 0 or self._last:
            self.checkpoint()
        return iteration

    @property
    def _last(self) -> bool:
        return self.number == self.config.run.iterations

    def rollout(self) -> list[Group]:
        """Serve the buffer, sample prompts, score while it generates: the groups that closed and teach something."""
        self.number += 1
        groups, self._rolled = self._on_first(lambda: self._first.rollout(self.number, self.policy_version))
        return groups

    def advantages(self, groups: Sequence[Group]) -> Tensor:
        """float32 [rollouts], in the order of the groups and their rollouts."""
        return group_advantages(groups, self.config.weights_in(self.number), self.config.update)

    def update(self, groups: Sequence[Group], advantages: Tensor) -> Update:
        """Inner steps against the policy as it is now; raises BadInput for advantages of other rollouts."""
        advantages = torch.as_tensor(advantages, dtype=torch.float32)
        if advantages.shape != (count := sum(len(group.rollouts) for group in groups),):
            message = f"expected the shape ({count},): one for each rollout of the groups"
            raise BadInput("advantages", tuple(advantages.shape), message)
        rollouts = self.config.rollouts
        batch = pack(
            groups,
            budget=self.config.update.tokens_per_micro_batch,
            train_segments=rollouts.train_segments,
            policy_version=self.policy_version,
            device=self.policy.device,
        )
        divisor = rollouts.groups_per_iteration * rollouts.rollouts_per_group
        update = self._optimizer.update(batch, advantages, divisor=divisor, usual_gap=self._usual_gap)
        self.policy_version += 1
        return update

    def sync(self) -> float:
        """The weights to the engine; the largest gap of the probe that proves it. Raises StaleWeights."""
        return self._synced(self._on_first(lambda: self._first.sync(self.policy_version)))

    def probe(self) -> float:
        """The largest gap of a probe of the weights that the engine has; raises StaleWeights."""
        return self._synced(self._on_first(lambda: self._first.probe(self.policy_version)))

    def _synced(self, probe_gap: float) -> float:
        self._usual_gap = max(probe_gap, least_usual_gap(self.config.model.dtype))
        return probe_gap

    def rehearse(self) -> None:
        """Try the longest batch that the configuration allows, so that no late one ends the run.

        Raises BadInput where the device's memory is too small.
        """
        rollouts, budget = self.config.rollouts, self.config.update.tokens_per_micro_batch
        batch = longest_batch(self._longest_prompt, rollouts.max_tokens, budget=budget, device=self.policy.device)
        self._optimizer.rehearse(batch)

    def evaluate(self) -> HeldOut | None:
        """Rewards on the held-out prompts, sampled and greedy; None where there are none."""
        return self._on_first(lambda: self._first.evaluate()) if self._evaluates else None

    def checkpoint(self) -> Path:
        """Write where a resumed run goes on, between two iterations; its directory."""
        self._say("checkpoint")
        weights = dict(self.policy.weights())

        def write_weights(directory: Path) -> None:
            self._save(directory / checkpoint.MODEL, weights)
            if (optimizer := self._optimizer.state()) is not None:
                torch.save(optimizer, directory / _OPTIMIZER)

        def write() -> Path:
            state = self._first.state(self.number, self.policy_version)
            return checkpoint.write(self.directory / _CHECKPOINTS, state, write_weights)

        return self._on_first(write)

    def save(self, directory: str | Path) -> None:
        """The policy and its tokenizer in Hugging Face's format."""
        weights = dict(self.policy.weights())
        self._on_first(lambda: self._save(Path(directory), weights))

    def _save(self, directory: Path, weights: Mapping[str, Tensor]) -> None:
        self.policy.save(directory, weights)
        self.tokenizer.save_pretrained(directory)

    @property
    def _first(self) -> Lead:
        assert self._lead is not None, "only the first rank leads"
        return self._lead

    def _on_first(self, work: Callable[[], _T]) -> _T:
        return self._ranks.on_first(work, self._help)

    def _help(self, request: tuple[Sequence[int], Sequence[Sequence[int]]] | None) -> None:
        """The other ranks' part of `_weights` (None) and `_distributions`."""
        if request is None:
            for _ in self.policy.weights():
                pass
        else:
            self.policy.response_distributions(*request)

    def _weights(self) -> Iterator[tuple[str, Tensor]]:
        # To make them whole is everybody's, where they are spread.
        self._ranks.ask(None)
        yield from self.policy.weights()

    def _distributions(self, prompt: Sequence[int], responses: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        # A forward is everybody's, where the weights are spread.
        self._ranks.ask((prompt, responses))
        return self.policy.response_distributions(prompt, responses)


@contextlib.contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[phase] = time.monotonic() - began
