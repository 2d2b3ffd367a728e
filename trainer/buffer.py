"""Groups under way, over as many iterations as they take: partial rollouts, their seeds, where they are stopped."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from engine.repeat import RepeatRules
from rewards import NotJudged, Reward
from trainer.errors import RolloutsFailed
from trainer.progress import Say, silent
from trainer.repeats import RepeatWatch
from trainer.rewards import Scoring
from trainer.rollouts import RolloutEngine
from trainer.tables import RolloutsConfig
from trainer.types import End, Group, Output, Prompt, Request, Rollout, Segment

TextOf = Callable[[Sequence[int]], str]

# Takes what the engine died of; puts another in its place, with the same weights, or raises it.
Restart = Callable[[RolloutsFailed], None]


def _no_restart(failure: RolloutsFailed) -> None:
    raise failure


class Generated(NamedTuple):
    """What one iteration's budget brought: the groups that closed, with everything scored that could be."""

    groups: list[Group]
    tokens: int
    cut: int
    generating_seconds: float
    scoring_seconds: float


def seed_of(run_seed: int, rollout_id: str, segment: int) -> int:
    """A segment's own seed: a resumed segment with its predecessor's would repeat its random numbers."""
    digest = hashlib.blake2b(f"{run_seed}/{rollout_id}/{segment}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


@dataclass(slots=True)
class _Open:
    """A rollout under way: what `Rollout` will be frozen from."""

    id: str
    index: int
    prompt: Prompt
    tokens: list[int] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    end: End | None = None
    reward: Reward | NotJudged | None = None

    @classmethod
    def of(cls, rollout: Rollout, prompt: Prompt) -> _Open:
        return cls(
            id=rollout.id,
            index=rollout.index,
            prompt=prompt,
            tokens=rollout.tokens.tolist(),
            segments=list(rollout.segments),
            end=rollout.end,
            reward=rollout.reward,
        )

    def segment_begins_anew(self) -> None:
        self.tokens = self.tokens[: len(self.tokens) - len(self.logprobs)]
        self.logprobs = []

    def segment_ends(self, policy_version: int) -> None:
        if self.logprobs:
            start = self.segments[-1].end if self.segments else 0
            self.segments.append(
                Segment(
                    policy_version=policy_version,
                    start=start,
                    end=len(self.tokens),
                    logprobs=np.asarray(self.logprobs, np.float32),
                )
            )
            self.logprobs = []

    def frozen(self) -> Rollout:
        return Rollout(
            id=self.id,
            prompt_id=self.prompt.id,
            index=self.index,
            tokens=np.asarray(self.tokens, np.int32),
            segments=tuple(self.segments),
            end=self.end,
            reward=self.reward,
        )


@dataclass(frozen=True, slots=True)
class _OpenGroup:
    prompt: Prompt
    rollouts: list[_Open]
    opened_at: int

    def frozen(self) -> Group:
        return Group(
            prompt=self.prompt,
            rollouts=tuple(rollout.frozen() for rollout in self.rollouts),
            opened_at=self.opened_at,
        )


class Buffer:
    """Groups under way. Each iteration serves the oldest first, then opens new ones, and gives back what closed.

    A rollout that used up an iteration's budget waits here and goes on in the next as a new segment; a group is
    complete when its last sibling is scored, and its finished siblings wait for it.

    Where the engine dies, what is under way begins its segment anew: with the same seed, so that it comes to the same.
    """

    def __init__(
        self,
        config: RolloutsConfig,
        engine: RolloutEngine,
        scoring: Scoring,
        text: TextOf,
        *,
        repeats: RepeatRules,
        seed: int,
        restart: Restart = _no_restart,
        say: Say = silent,
    ) -> None:
        self._config = config
        self._say = say
        self.engine = engine
        self._scoring = scoring
        self._text = text
        self._seed = seed
        self._restart = restart
        self._watch = RepeatWatch(repeats) if config.stop_repeats else None
        self._groups: list[_OpenGroup] = []
        self.opened = 0

    def __len__(self) -> int:
        """Groups that wait here."""
        return len(self._groups)

    def groups(self) -> list[Group]:
        """Those that wait here, as far as they are."""
        return [group.frozen() for group in self._groups]

    def restore(self, groups: Iterable[Group], opened: int) -> None:
        """Go on with groups that waited in another process, of `opened` that there were."""
        self._groups = [
            _OpenGroup(group.prompt, [_Open.of(rollout, group.prompt) for rollout in group.rollouts], group.opened_at)
            for group in groups
        ]
        self.opened = opened
        for rollout in (rollout for group in self.groups() for rollout in group.rollouts):
            if self._watch and rollout.end is None:
                self._watch.restore(rollout)

    @property
    def room(self) -> int:
        """New groups that may be opened."""
        return max(0, self._config.groups_per_iteration - len(self._groups))

    def open(self, prompts: Iterable[Prompt], iteration: int) -> None:
        """A new group for each prompt."""
        for prompt in prompts:
            number, self.opened = self.opened, self.opened + 1
            rollouts = [
                _Open(id=f"{number}.{index}", index=index, prompt=prompt)
                for index in range(self._config.rollouts_per_group)
            ]
            self._groups.append(_OpenGroup(prompt, rollouts, iteration))

    def generate(self, policy_version: int) -> Generated:
        """One iteration's budget for each open rollout; the groups that closed leave the buffer.

        Raises RolloutsFailed, RewardsUnavailable.
        """
        began = time.monotonic()
        going = {rollout.id: rollout for group in self._groups for rollout in group.rollouts if rollout.end is None}
        everyone = {rollout.id: rollout for group in self._groups for rollout in group.rollouts}
        grown = -sum(len(rollout.tokens) for rollout in going.values())
        under_way = dict(going)
        for rollout in going.values():
            self.engine.submit(self._request(rollout))
        while outputs := self._step(under_way):
            self._take(outputs, under_way, policy_version)
            for key, reward in self._scoring.finished(wait=False):
                everyone[key].reward = reward
            ended = sum(rollout.end is not None for rollout in everyone.values())
            scored = f"{self._scoring.outstanding} being scored"
            self._say("rollouts", f"{ended} of {len(everyone)} ended, {scored}")
        generated = time.monotonic()
        grown += sum(len(rollout.tokens) for rollout in going.values())
        if self._watch:
            self._watch.forget(rollout.id for rollout in going.values() if rollout.end)
        while self._scoring.outstanding:
            for key, reward in self._scoring.finished(wait=True):
                everyone[key].reward = reward
        groups = [group.frozen() for group in self._groups]
        self._groups = [open_ for open_, group in zip(self._groups, groups, strict=True) if not group.closed]
        return Generated(
            groups=[group for group in groups if group.closed],
            tokens=grown,
            cut=sum(rollout.end is None for rollout in going.values()),
            generating_seconds=generated - began,
            scoring_seconds=time.monotonic() - generated,
        )

    def _step(self, under_way: Mapping[str, _Open]) -> list[Output]:
        try:
            return self.engine.step()
        except RolloutsFailed as failure:
            self._restart(failure)
            for rollout in under_way.values():
                rollout.segment_begins_anew()
                if self._watch:
                    self._watch.restore(rollout.frozen())
                self.engine.submit(self._request(rollout))
            return self._step(under_way)

    def _request(self, rollout: _Open) -> Request:
        return Request(
            id=rollout.id,
            tokens=np.concatenate((rollout.prompt.tokens, np.asarray(rollout.tokens, np.int32))),
            max_tokens=min(self._config.budget, self._config.max_tokens - len(rollout.tokens)),
            seed=seed_of(self._seed, rollout.id, len(rollout.segments)),
        )

    def _take(self, outputs: Sequence[Output], under_way: dict[str, _Open], policy_version: int) -> None:
        repeating = self._watch.repeating(outputs) if self._watch else ()
        self.engine.abort([output.id for output in outputs if output.id in repeating and output.end is None])
        for output in outputs:
            rollout = under_way[output.id]
            rollout.tokens += output.tokens
            rollout.logprobs += output.logprobs
            end = End.REPEAT if output.id in repeating and output.end is not End.STOP else output.end
            if end is None:
                continue
            del under_way[output.id]
            rollout.segment_ends(policy_version)
            if end is End.LENGTH and len(rollout.tokens) < self._config.max_tokens:
                continue
            rollout.end = end
            self._scoring.submit(rollout.id, rollout.prompt, self._text(rollout.tokens))
