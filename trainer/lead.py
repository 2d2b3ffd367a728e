"""The first rank's part of a run: rollouts and their rewards, evaluation, metrics, what a checkpoint keeps of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from engine.errors import BadInput
from trainer import checkpoint
from trainer.advantages import judged, uniform
from trainer.buffer import Buffer
from trainer.checkpoint import State
from trainer.config import TrainerConfig
from trainer.engines import new_engine
from trainer.errors import RewardsUnavailable, RolloutsFailed
from trainer.evaluation import evaluate
from trainer.metrics import Difficulties, Metrics, rolled
from trainer.progress import Say
from trainer.prompts import stop_tokens
from trainer.rewards import RewardFunction, Scoring
from trainer.rollouts import Weights
from trainer.sampling import Sampler
from trainer.types import Group, HeldOut, Prompt, Rolled
from trainer.weights import Distributions, WeightSync

_T = TypeVar("_T")
_LOG: Final = logging.getLogger(__name__)


class Prompts(NamedTuple):
    """What is trained on, and what is only evaluated."""

    train: list[Prompt]
    held_out: list[Prompt]


class Lead:
    """Holds the rollout engine, the connection to the daemon and the run's files.

    An engine that dies is started again, once between two syncs that are proved.

    weights        the trainer's as they are now
    distributions  the trainer's, for the probe of a sync
    resumed        whether `state` is a checkpoint's or a beginning that takes the place of a dead run's
    say            is told what the run does and waits for

    Raises BadInput.
    """

    def __init__(
        self,
        config: TrainerConfig,
        prompts: Prompts,
        tokenizer: PreTrainedTokenizerBase,
        weights: Weights,
        distributions: Distributions,
        reward: RewardFunction | None,
        state: State,
        *,
        resumed: bool,
        say: Say,
    ) -> None:
        self._config = config
        self._say = say
        self._prompts = prompts
        self._tokenizer = tokenizer
        self._stop = stop_tokens(config.model.path, tokenizer)
        self._sampler = Sampler(
            config.sampling,
            prompts.train,
            seed=config.run.seed,
            drawn=state.drawn,
            left=state.left,
            success=state.success,
        )
        self._difficulties = Difficulties(prompts.train)
        by_id = {prompt.id: prompt for prompt in prompts.train}
        groups = [checkpoint.restored(group, by_id) for group in state.groups]
        going_on_at = (state.metrics_bytes, state.number) if resumed else None
        self.metrics = Metrics(Path(config.run.directory), config, going_on_at)
        self._current = weights
        self._weights: dict[str, Tensor] = {}
        self._version = state.policy_version
        self._restarted = False
        with ExitStack() as undone:
            self._scoring = Scoring(config.rewards, reward, say)
            undone.callback(self._scoring.close)
            self._scoring.greet([*prompts.train, *prompts.held_out])
            say("start", f"the engine ({config.rollouts.engine})")
            self._engine = new_engine(config, self._stop)
            undone.callback(self._engine.close)
            self._check_lengths([*prompts.train, *prompts.held_out])
            self._buffer = Buffer(config, self._engine, self._scoring, self._text, self._restart, say)
            self._buffer.restore(groups, state.opened)
            undone.pop_all()
        self._sync = WeightSync(
            self._engine,
            lambda: iter(self._weights.items()),
            distributions,
            prompts.train[0].tokens,
            dtype=config.model.dtype,
            deadline_seconds=config.weights.deadline_seconds,
            say=say,
        )

    def close(self) -> None:
        """Give back the engine and the connection; idempotent."""
        self._sync.close()
        self._engine.close()
        self._scoring.close()
        self.metrics.close()

    def rollout(self, number: int, policy_version: int) -> tuple[list[Group], Rolled]:
        """See `Trainer.rollout`: the groups, and the numbers of all that closed."""
        self._buffer.open(self._sampler.take(self._buffer.room), number)
        generated = self._buffer.generate(policy_version)
        weights = self._config.weights_in(number)
        groups = [judged(group) for group in generated.groups]
        self._sampler.observe(groups)
        numbers = rolled(generated, groups, weights, self._difficulties)
        self.metrics.samples(number, groups, weights, self._text)
        self._check_judged(numbers)
        return [group for group in groups if not uniform(group, weights)], numbers

    def probe(self, version: int) -> float:
        """See `WeightSync.probe`."""
        return self._sync.probe(version)

    def sync(self, version: int) -> float:
        """See `WeightSync.sync`."""
        self._version = version
        gap = self._surviving(self._synced)
        self._restarted = False
        return gap

    def evaluate(self) -> HeldOut:
        """See `trainer.evaluation.evaluate`."""
        longest, seed = self._config.rollouts.max_tokens, self._config.run.seed
        self._say("evaluation", f"{len(self._prompts.held_out)} prompts")
        return self._surviving(
            lambda: evaluate(self._prompts.held_out, self._engine, self._scoring, self._text, longest, seed=seed)
        )

    def _synced(self) -> float:
        self._weights = dict(self._current())
        try:
            return self._sync.sync(self._version)
        finally:
            self._weights = {}

    def _surviving(self, work: Callable[[], _T]) -> _T:
        """What `work` gives, begun anew where the engine dies in it."""
        try:
            return work()
        except RolloutsFailed as failure:
            self._restart(failure)
            return work()

    def _restart(self, failure: RolloutsFailed) -> None:
        if self._restarted:
            raise failure
        self._restarted = True
        _LOG.warning("%s; it is started again", failure)
        self._engine.close()
        self._engine = self._buffer.engine = self._sync.engine = new_engine(self._config, self._stop)
        self._synced()

    def state(self, number: int, policy_version: int) -> State:
        """For a checkpoint after that iteration."""
        return State(
            number=number,
            policy_version=policy_version,
            drawn=self._sampler.drawn,
            left=self._sampler.left,
            success=self._sampler.success,
            opened=self._buffer.opened,
            groups=[checkpoint.saved(group) for group in self._buffer.groups],
            metrics_bytes=self.metrics.length,
            config=self._config.to_keep(),
        )

    def _text(self, tokens: Sequence[int]) -> str:
        """A response's text, without the token that stopped it."""
        kept = tokens[:-1] if tokens and tokens[-1] in self._stop else tokens
        return str(self._tokenizer.decode(list(kept), clean_up_tokenization_spaces=False))

    def _check_judged(self, numbers: Rolled) -> None:
        missing, everyone = sum(numbers.not_judged.values()), sum(numbers.ended.values())
        most = self._config.rewards.max_not_judged
        if missing > most * everyone:
            reason, count = max(numbers.not_judged.items(), key=lambda entry: entry[1])
            raise RewardsUnavailable(
                f"{missing} of {everyone} rollouts were not judged, above rewards.max_not_judged = {most:g}; "
                f"{count} of them: {reason}"
            )

    def _check_lengths(self, prompts: Sequence[Prompt]) -> None:
        longest = max(prompts, key=lambda prompt: len(prompt.tokens))
        rollouts, budget = self._config.rollouts, self._config.update.tokens_per_micro_batch
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
