"""Kimi k1.5's policy optimisation as pure functions on tensors (arXiv 2501.12599, section 2.3)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Baseline = Literal["mean", "leave-one-out", "log-mean-exp"]


def log_ratios(logprobs: Tensor, reference: Tensor, rollout: Tensor, rollouts: int) -> Tensor:
    """rho [rollouts]: each rollout's log ratio to the reference, summed over its tokens.

    logprobs, reference  [tokens], of the trained tokens
    rollout              int64 [tokens], whose token it is
    """
    return torch.zeros(rollouts, dtype=logprobs.dtype, device=logprobs.device).index_add(
        0, rollout, logprobs - reference
    )


def mirror_descent_loss(rho: Tensor, advantages: Tensor, *, tau: float, divisor: int) -> Tensor:
    """sum (A - tau * rho)^2 / (2 * tau * divisor), a scalar.

    rho, advantages  [rollouts]
    divisor          the configured number of rollouts, also where some were left out, so that scale never changes

    Its gradient is the negative of the paper's equation (3), at every tau; at rho = 0 it is REINFORCE's.
    """
    return (advantages - tau * rho).square().sum() / (2 * tau * divisor)


def group_advantages(rewards: Tensor, *, baseline: Baseline = "mean", tau: float = 1.0) -> Tensor:
    """A [k] of one group's rewards [k].

    "mean" is the paper's estimate of tau * log Z; "leave-one-out" is k / (k - 1) times that; "log-mean-exp" is
    tau * log Z itself over the k samples, which gives rare right answers little push at a small tau.
    """
    match baseline:
        case "mean":
            return rewards - rewards.mean()
        case "leave-one-out":
            return (rewards - rewards.mean()) * (len(rewards) / (len(rewards) - 1))
        case "log-mean-exp":
            log_mean = torch.logsumexp(rewards / tau, 0) - torch.log(torch.tensor(float(len(rewards))))
            return rewards - tau * log_mean.to(rewards.dtype)


def length_rewards(lengths: Tensor, right: Tensor) -> Tensor:
    """k1.5's length reward [k], -0.5 to 0.5 (section 2.3.3).

    lengths  [k], tokens of the whole responses to one prompt, wrong ones too
    right    bool [k]
    """
    shortest, longest = lengths.min(), lengths.max()
    if shortest == longest:
        return torch.zeros(len(lengths))
    short = 0.5 - (lengths - shortest) / (longest - shortest)
    return torch.where(right, short, short.clamp(max=0.0)).float()
