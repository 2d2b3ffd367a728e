"""Groups under way, over as many iterations as they take: partial rollouts, their seeds, where they are stopped."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from trainer.config import TrainerConfig
from trainer.errors import RolloutsFailed
from trainer.progress import Say
from trainer.repeats import RepeatWatch
from trainer.rewards import Scoring
from trainer.rollouts import RolloutEngine
from trainer.types import End, Group, Output, Prompt, Request, Rolled, Rollout, Segment

TextOf = Callable[[Sequence[int]], str]

# Takes what the engine died of; puts another in its place, with the same weights, or raises it.
Restart = Callable[[RolloutsFailed], None]


class Generated(NamedTuple):
    """What one iteration's budget brought: the groups that closed, with everything scored that could be.

    numbers  what it took, without what the groups themselves tell
    """

    groups: list[Group]
    numbers: Rolled


def seed_of(run_seed: int, rollout_id: str, segment: int) -> int:
    """A segment's own seed: a resumed segment with its predecessor's would repeat its random numbers."""
    digest = hashlib.blake2b(f"{run_seed}/{rollout_id}/{segment}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


@dataclass(slots=True)
class _Open:
    """A rollout under way: as it was at the end of its last segment, and what came since."""

    so_far: Rollout
    prompt: Prompt
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.so_far.end is not None

    def cut(self, length: int) -> bool:
        """To `length` tokens; whether there were more, which an engine that is ahead has said already."""
        kept = length - len(self.so_far.tokens)
        longer = len(self.tokens) > kept
        del self.tokens[kept:], self.logprobs[kept:]
        return longer

    def segment_ends(self, policy_version: int) -> None:
        if not self.tokens:
            return
        tokens = np.concatenate((self.so_far.tokens, np.asarray(self.tokens, np.int32)))
        segment = Segment(
            policy_version=policy_version,
            start=len(self.so_far.tokens),
            end=len(tokens),
            logprobs=np.asarray(self.logprobs, np.float32),
        )
        self.so_far = replace(self.so_far, tokens=tokens, segments=(*self.so_far.segments, segment))
        self.tokens, self.logprobs = [], []


class Buffer:
    """Groups under way. Each iteration serves the oldest first, then opens new ones, and gives back what closed.

    A rollout that used up an iteration's budget waits here and goes on in the next as a new segment; a group is
    complete when its last sibling is scored, and its finished siblings wait for it.

    Where the engine dies, what is under way begins its segment anew: with the same seed, so that it comes to the same.
    """

    def __init__(
        self,
        config: TrainerConfig,
        engine: RolloutEngine,
        scoring: Scoring,
        text: TextOf,
        restart: Restart,
        say: Say,
    ) -> None:
        self._config = config.rollouts
        self._seed = config.run.seed
        self.engine = engine
        self._scoring = scoring
        self._text = text
        self._restart = restart
        self._say = say
        self._watch = RepeatWatch(config.repeats) if config.rollouts.stop_repeats else None
        self.groups: list[Group] = []
        self.opened = 0

    def restore(self, groups: Sequence[Group], opened: int) -> None:
        """Go on with groups that waited in another process, of `opened` that there were."""
        self.groups, self.opened = list(groups), opened
        for rollout in (rollout for group in groups for rollout in group.rollouts):
            if self._watch and rollout.end is None:
                self._watch.restore(rollout)

    @property
    def room(self) -> int:
        """New groups that may be opened."""
        return max(0, self._config.groups_per_iteration - len(self.groups))

    def open(self, prompts: Iterable[Prompt], iteration: int) -> None:
        """A new group for each prompt."""
        for prompt in prompts:
            number, self.opened = self.opened, self.opened + 1
            rollouts = tuple(
                Rollout(id=f"{number}.{index}", prompt_id=prompt.id, index=index, tokens=np.zeros(0, np.int32))
                for index in range(self._config.rollouts_per_group)
            )
            self.groups.append(Group(prompt=prompt, rollouts=rollouts, opened_at=iteration))

    def generate(self, policy_version: int) -> Generated:
        """One iteration's budget for each open rollout; the groups that closed leave the buffer.

        Raises RolloutsFailed, RewardsUnavailable.
        """
        began = time.monotonic()
        everyone = {rollout.id: _Open(rollout, group.prompt) for group in self.groups for rollout in group.rollouts}
        going = {key: rollout for key, rollout in everyone.items() if not rollout.over}
        grown = -sum(len(rollout.so_far.tokens) for rollout in going.values())
        under_way = dict(going)
        for rollout in going.values():
            self.engine.submit(self._request(rollout))
        while outputs := self._step(under_way):
            self._take(outputs, under_way, policy_version)
            self._scored(everyone, wait=False)
            ended = sum(rollout.over for rollout in everyone.values())
            self._say("rollouts", f"{ended} of {len(everyone)} ended, {self._scoring.outstanding} being scored")
        generated = time.monotonic()
        grown += sum(len(rollout.so_far.tokens) for rollout in going.values())
        if self._watch:
            self._watch.forget(key for key, rollout in going.items() if rollout.over)
        while self._scoring.outstanding:
            self._scored(everyone, wait=True)
        groups = [
            replace(group, rollouts=tuple(everyone[rollout.id].so_far for rollout in group.rollouts))
            for group in self.groups
        ]
        self.groups = [group for group in groups if not group.closed]
        numbers = Rolled(
            tokens=grown,
            cut=sum(not rollout.over for rollout in going.values()),
            buffered=len(self.groups),
            generating_seconds=generated - began,
            scoring_seconds=time.monotonic() - generated,
        )
        return Generated([group for group in groups if group.closed], numbers)

    def _scored(self, everyone: Mapping[str, _Open], *, wait: bool) -> None:
        for key, reward in self._scoring.finished(wait=wait):
            everyone[key].so_far = replace(everyone[key].so_far, reward=reward)

    def _step(self, under_way: Mapping[str, _Open]) -> list[Output]:
        try:
            return self.engine.step()
        except RolloutsFailed as failure:
            self._restart(failure)
            for rollout in under_way.values():
                rollout.tokens, rollout.logprobs = [], []
                if self._watch:
                    self._watch.restore(rollout.so_far)
                self.engine.submit(self._request(rollout))
            return self._step(under_way)

    def _request(self, rollout: _Open) -> Request:
        so_far = rollout.so_far
        return Request(
            id=so_far.id,
            tokens=np.concatenate((rollout.prompt.tokens, so_far.tokens)),
            max_tokens=min(self._config.budget, self._config.max_tokens - len(so_far.tokens)),
            seed=seed_of(self._seed, so_far.id, len(so_far.segments)),
        )

    def _take(self, outputs: Sequence[Output], under_way: dict[str, _Open], policy_version: int) -> None:
        repeating = self._watch.repeating(outputs) if self._watch else {}
        self.engine.abort([output.id for output in outputs if output.id in repeating and output.end is None])
        for output in outputs:
            rollout = under_way[output.id]
            rollout.tokens += output.tokens
            rollout.logprobs += output.logprobs
            end = output.end
            if (at := repeating.get(output.id)) is not None and (rollout.cut(at) or end is not End.STOP):
                end = End.REPEAT
            if end is None:
                continue
            del under_way[output.id]
            rollout.segment_ends(policy_version)
            tokens = rollout.so_far.tokens.tolist()
            if end is End.LENGTH and len(tokens) < self._config.max_tokens:
                continue
            rollout.so_far = replace(rollout.so_far, end=end)
            self._scoring.submit(output.id, rollout.prompt, self._text(tokens))
