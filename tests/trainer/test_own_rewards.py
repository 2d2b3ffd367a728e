"""A reward of one's own: what it may give, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import BadInput
from rewards import NotJudged, Reward
from tests.trainer.conftest import NewTrainer
from trainer import Prompt, RewardsUnavailable


async def length_is_odd(_prompt: Prompt, text: str) -> int:
    return len(text) % 2


@pytest.mark.parametrize(
    "given",
    [True, np.float32(1), np.array(1.0), torch.tensor(1), Reward(reward=np.float64(1))],
    ids=lambda given: type(given).__name__,
)
def test_a_number_of_any_kind_is_a_reward(new_trainer: NewTrainer, given: Any) -> None:
    async def longer(_prompt: Prompt, text: str) -> Any:
        return given if len(text) % 2 else 0

    trainer = new_trainer(longer)
    rewards = [rollout.reward for group in trainer.rollout() for rollout in group.rollouts]
    assert {type(reward.reward) for reward in rewards if isinstance(reward, Reward)} == {float}
    assert {reward.reward for reward in rewards if isinstance(reward, Reward)} == {0.0, 1.0}
    trainer.checkpoint()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("1", "'1'"),
        ({"score": 1}, "{'score': 1}"),
        (torch.ones(2), r"tensor\(\[1., 1.\]\)"),
        (float("nan"), "nan"),
        (Reward(reward=float("inf")), "inf"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_number_is_no_reward(new_trainer: NewTrainer, given: Any, said: str) -> None:
    async def wrong(_prompt: Prompt, _text: str) -> Any:
        return given

    with pytest.raises(BadInput, match=rf"^reward {said}: of prompt \d: expected a finite number, a Reward"):
        new_trainer(wrong).rollout()


def test_a_reward_may_be_a_plain_function(new_trainer: NewTrainer, tmp_path: Path) -> None:
    rewards = [
        new_trainer(reward, run__directory=str(tmp_path / name)).step().reward
        for name, reward in (("plain", lambda _, text: len(text) % 2), ("async", length_is_odd))
    ]
    assert rewards[0] == rewards[1] is not None


def test_none_is_not_judged(new_trainer: NewTrainer) -> None:
    async def forgotten(_prompt: Prompt, _text: str) -> None:
        pass

    with pytest.raises(RewardsUnavailable, match=r"16 of 16 .* were not judged, .* function gave None"):
        new_trainer(forgotten).rollout()


def test_an_error_of_ones_own_reward_is_raised(new_trainer: NewTrainer) -> None:
    async def broken(_prompt: Prompt, _text: str) -> float:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        new_trainer(broken).step()


def test_what_is_not_judged_is_counted_and_is_no_number(new_trainer: NewTrainer) -> None:
    async def often(_prompt: Prompt, text: str) -> Reward | NotJudged:
        return NotJudged("a fault of ours") if len(text) % 3 == 0 else Reward(reward=float(len(text) % 2))

    trainer = new_trainer(often, rewards__max_not_judged=1.0)
    groups = trainer.rollout()
    rewards = [rollout.reward for group in groups for rollout in group.rollouts]
    assert rewards
    assert all(isinstance(reward, Reward) for reward in rewards)
    with pytest.raises(
        RewardsUnavailable, match=r"were not judged, above rewards.max_not_judged = 0; .*a fault of ours"
    ):
        new_trainer(often, rewards__max_not_judged=0.0).rollout()
