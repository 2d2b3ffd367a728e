"""Groups' rewards: what they are made of, and what each rollout's is above its group's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import torch
from torch import Tensor

from rewards import Reward
from trainer.mirror_descent import group_advantages, length_rewards
from trainer.tables import RewardWeights, UpdateConfig
from trainer.types import End, Group, Rollout


def judged(group: Group) -> Group:
    """The group without the rollouts that could not be judged, the others with the parts of their reward."""
    # All siblings count for the lengths, whatever became of their reward.
    correct = [_number(rollout) for rollout in group.rollouts]
    tokens = [float(len(rollout.tokens)) for rollout in group.rollouts]
    lengths = length_rewards(torch.tensor(tokens), torch.tensor(correct) >= 1.0).tolist()
    rollouts = tuple(
        replace(
            rollout,
            parts={
                "correct": number,
                "length": length,
                "repeat": float(rollout.end is End.REPEAT),
                "format": float(_has_answer(rollout)),
            },
        )
        for rollout, number, length in zip(group.rollouts, correct, lengths, strict=True)
        if isinstance(rollout.reward, Reward)
    )
    return replace(group, rollouts=rollouts)


def total(rollout: Rollout, weights: RewardWeights) -> float:
    """The weighted sum of a judged rollout's parts."""
    counts: dict[str, float] = asdict(weights)
    return sum(weight * rollout.parts[name] for name, weight in counts.items())


def uniform(group: Group, weights: RewardWeights) -> bool:
    """Nothing can be learnt from it: fewer than two rollouts, or all rewards equal."""
    return len({total(rollout, weights) for rollout in group.rollouts}) < 2


def advantages(groups: Sequence[Group], weights: RewardWeights, update: UpdateConfig) -> Tensor:
    """float32 [rollouts], in the order of the groups and their rollouts."""
    rewards = [torch.tensor([total(rollout, weights) for rollout in group.rollouts]) for group in groups]
    each = [group_advantages(group, baseline=update.baseline, tau=update.tau) for group in rewards]
    return torch.cat([torch.zeros(0), *each])


def _number(rollout: Rollout) -> float:
    return rollout.reward.reward if isinstance(rollout.reward, Reward) else 0.0


def _has_answer(rollout: Rollout) -> bool:
    # A restored reward has its evidence as plain data.
    evidence = rollout.reward.evidence if isinstance(rollout.reward, Reward) else {}
    reason = evidence.get("reason") if isinstance(evidence, dict) else evidence.reason
    return reason is None
