"""Our trainer with its measures of speed switched off, from the outside: it has no options for what only costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from unittest import mock

import torch
from torch import Tensor

from trainer import Group, Trainer
from trainer.batch import MicroBatch, pack
from trainer.policy import Policy
from trainer.rewards import Scoring
from trainer.types import Prompt, Update

_THEIRS: Final = "sdpa"


class _PromptForEach(Trainer):
    """Packed, but each response with a prompt of its own."""

    def update(self, groups: Sequence[Group], advantages: Tensor) -> Update:
        return super().update(prompt_for_each(groups), advantages)


class _Reference(Trainer):
    """The reference by a forward of its own."""

    def update(self, groups: Sequence[Group], advantages: Tensor) -> Update:
        budget = self.config.update.tokens_per_micro_batch
        with torch.no_grad():
            for micro in pack(groups, budget=budget, policy_version=self.policy_version).micro_batches:
                self.policy(micro)
        return super().update(groups, advantages)


class _Late(Scoring):
    """Rewards are asked for when the last response is there."""

    _kept: list[tuple[str, Prompt, str]]

    def submit(self, key: str, prompt: Prompt, text: str) -> None:
        self._kept = [*getattr(self, "_kept", []), (key, prompt, text)]
        self.outstanding += 1

    def finished(self, *, wait: bool) -> list[tuple[str, Any]]:
        if not wait:
            return []
        kept, self._kept = self._kept, []
        self.outstanding -= len(kept)
        for key, prompt, text in kept:
            super().submit(key, prompt, text)
        return super().finished(wait=True)


def prompt_for_each(groups: Sequence[Group]) -> list[Group]:
    """Every response a group of its own."""
    return [replace(group, rollouts=(rollout,)) for group in groups for rollout in group.rollouts]


def padded_rows(micro: MicroBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Prompt and response of each rollout as a padded row.

    tokens [rows, longest], mask [rows, longest]; row [t] and column [t] of each place of the packed row
    """
    tokens = micro.tokens[0]
    row_of, column_of = torch.zeros_like(tokens), torch.zeros_like(tokens)
    rows: list[Tensor] = []
    for start, end, prompt_start, prompt_end in micro.spans:
        if prompt_end == prompt_start:
            continue
        length = prompt_end - prompt_start
        for begin, stop, offset in ((prompt_start, prompt_end, 0), (start, end, length)):
            row_of[begin:stop] = len(rows)
            column_of[begin:stop] = torch.arange(offset, offset + stop - begin)
        rows.append(torch.cat((tokens[prompt_start:prompt_end], tokens[start:end])))
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    mask = (torch.arange(padded.shape[1])[None] < lengths[:, None]).long()
    return padded, mask, row_of, column_of


def padded_hidden(policy: Policy, micro: MicroBatch) -> Tensor:
    """In place of `Policy._hidden`: the padded rows through the model as transformers has it."""
    if policy.model.config._attn_implementation != _THEIRS:
        policy.model.set_attn_implementation(_THEIRS)
    tokens, mask, row, column = padded_rows(micro)
    hidden: Tensor = policy.model.base_model(input_ids=tokens, attention_mask=mask, use_cache=False).last_hidden_state
    return hidden[row[micro.sources], column[micro.sources]]


@dataclass(frozen=True, kw_only=True)
class Way:
    """What differs: keys of the configuration, the class, names that are replaced."""

    overrides: Mapping[str, Any] = field(default_factory=dict)
    trainer: type[Trainer] = Trainer
    patches: Callable[[], Sequence[AbstractContextManager[Any]]] = list


def _padded() -> list[AbstractContextManager[Any]]:
    return [mock.patch.object(Policy, "_hidden", padded_hidden)]


def _uniform_kept() -> list[AbstractContextManager[Any]]:
    return [mock.patch("trainer.lead.uniform", return_value=False)]


def _late() -> list[AbstractContextManager[Any]]:
    return [mock.patch("trainer.lead.Scoring", _Late)]


WAYS: Final[dict[str, Way]] = {
    "as it is": Way(),
    "prompt for each response": Way(trainer=_PromptForEach),
    "padded": Way(patches=_padded),
    "own engine, not vLLM": Way(overrides={"rollouts.engine": "torch"}),
    "reference by its own forward": Way(trainer=_Reference),
    "rewards after generation": Way(patches=_late),
    "uniform groups kept": Way(patches=_uniform_kept),
    "all of them off": Way(
        overrides={"rollouts.engine": "torch"},
        trainer=_Reference,
        patches=lambda: [*_padded(), *_uniform_kept(), *_late()],
    ),
}
