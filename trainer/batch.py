"""Groups into packed micro-batches under a token budget: no padding, each prompt once for its responses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import BadInput
from trainer.attention import Span
from trainer.types import Group, Prompt, Rollout


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MicroBatch:
    """One row of t tokens that goes through the model at once, and its n trained tokens.

    tokens, positions  int64 [1, t]
    spans              the attention's table: who sees what
    sources            int64 [n], positions of the row whose hidden states predict the trained tokens
    targets            int64 [n], these tokens
    rollout            int64 [n], whose they are, as an index into the batch
    sampled            float32 [n], the sampler's logprobs; nan where an older policy sampled
    """

    tokens: Tensor
    positions: Tensor
    spans: tuple[Span, ...]
    sources: Tensor
    targets: Tensor
    rollout: Tensor
    sampled: Tensor


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Batch:
    """An iteration's trained rollouts, numbered through in the order of their groups."""

    micro_batches: tuple[MicroBatch, ...]
    rollouts: int

    @property
    def tokens(self) -> int:
        """That go through the model."""
        return sum(micro.tokens.shape[1] for micro in self.micro_batches)

    @property
    def trained_tokens(self) -> int:
        """Whose logprobs the loss is made of."""
        return sum(len(micro.targets) for micro in self.micro_batches)


def pack(
    groups: Sequence[Group],
    *,
    budget: int,
    train_segments: Literal["all", "last"] = "all",
    policy_version: int,
    device: torch.device | str = "cpu",
) -> Batch:
    """The groups' rollouts, cut into micro-batches of at most `budget` tokens.

    A group that does not fit is divided, its prompt computed again in each part. Raises BadInput where a prompt and one
    of its responses alone are longer than the budget.
    """
    rows: list[_Row] = []
    row = _Row()
    index = 0
    for group in groups:
        prompt = group.prompt.tokens
        placed = False
        for rollout in group.rollouts:
            # The last token is predicted, and predicts nothing.
            needed = len(rollout.tokens) - 1
            if len(prompt) + needed > budget:
                raise BadInput(
                    "update.tokens_per_micro_batch",
                    budget,
                    f"rollout {rollout.id} has {len(prompt)} + {len(rollout.tokens)} tokens with its prompt",
                )
            if row.length + needed + (0 if placed else len(prompt)) > budget:
                rows.append(row)
                row, placed = _Row(), False
            if not placed:
                row.add_prompt(prompt)
                placed = True
            row.add_response(rollout, index, _trained_from(rollout, train_segments), policy_version)
            index += 1
    if row.length:
        rows.append(row)
    return Batch(micro_batches=tuple(row.micro_batch(device) for row in rows), rollouts=index)


def longest_batch(prompt: int, response: int, *, budget: int, device: torch.device | str = "cpu") -> Batch:
    """A micro-batch as large as `budget` allows: a prompt of so many tokens, and responses of so many each."""
    group = group_of([0] * prompt, [[0] * response] * max(1, (budget - prompt) // response))
    return pack([group], budget=budget, policy_version=0, device=device)


def group_of(prompt: Sequence[int], responses: Iterable[Sequence[int]]) -> Group:
    """Token ids that no engine sampled, as a group."""
    rollouts = tuple(
        Rollout(id="", prompt_id="", index=index, tokens=np.asarray(response, np.int32))
        for index, response in enumerate(responses)
    )
    return Group(prompt=Prompt(id="", tokens=np.asarray(prompt, np.int32), item={}), rollouts=rollouts, opened_at=0)


def _trained_from(rollout: Rollout, train_segments: Literal["all", "last"]) -> int:
    return rollout.segments[-1].start if train_segments == "last" and rollout.segments else 0


def _sampled(rollout: Rollout, policy_version: int) -> NDArray[np.float32]:
    sampled = np.full(len(rollout.tokens), np.nan, np.float32)
    for segment in rollout.segments:
        if segment.policy_version == policy_version:
            sampled[segment.start : segment.end] = segment.logprobs
    return sampled


class _Row:
    """A micro-batch while it is put together."""

    def __init__(self) -> None:
        self.length = 0
        self._tokens: list[NDArray[np.int64]] = []
        self._positions: list[NDArray[np.int64]] = []
        self._spans: list[Span] = []
        # Of each response sources, targets, rollout and what its sampler said.
        self._trained: list[tuple[NDArray[Any], ...]] = []
        self._prompt = (0, 0)

    def add_prompt(self, tokens: NDArray[np.int32]) -> None:
        self._prompt = (self.length, self.length + len(tokens))
        self._append(tokens, 0, Span(*self._prompt, 0, 0))

    def add_response(self, rollout: Rollout, index: int, trained_from: int, policy_version: int) -> None:
        tokens = rollout.tokens
        prompt_start, prompt_end = self._prompt
        start = self.length
        # The prompt's last hidden state predicts the first token, the response's own the others.
        sources = np.arange(start - 1, start - 1 + len(tokens))
        sources[0] = prompt_end - 1
        whole = sources, tokens.astype(np.int64), np.full(len(tokens), index), _sampled(rollout, policy_version)
        self._trained.append(tuple(each[trained_from:] for each in whole))
        if len(tokens) > 1:
            span = Span(start, start + len(tokens) - 1, prompt_start, prompt_end)
            self._append(tokens[:-1], prompt_end - prompt_start, span)

    def _append(self, tokens: NDArray[np.int32], first_position: int, span: Span) -> None:
        self._tokens.append(tokens.astype(np.int64))
        self._positions.append(np.arange(first_position, first_position + len(tokens)))
        self._spans.append(span)
        self.length += len(tokens)

    def micro_batch(self, device: torch.device | str) -> MicroBatch:
        def joined(parts: Sequence[NDArray[Any]]) -> Tensor:
            return torch.from_numpy(np.concatenate(parts)).to(device)

        sources, targets, rollout, sampled = map(joined, zip(*self._trained, strict=True))
        return MicroBatch(
            tokens=joined(self._tokens)[None],
            positions=joined(self._positions)[None],
            spans=tuple(self._spans),
            sources=sources,
            targets=targets,
            rollout=rollout,
            sampled=sampled,
        )
