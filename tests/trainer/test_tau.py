"""What tau is for: many inner steps on stale and noisy rewards."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainer.mirror_descent import group_advantages, log_ratios, mirror_descent_loss

PROMPTS, ACTIONS, ROLLOUTS, ITERATIONS, SEEDS = 16, 8, 8, 12, 10
FLIPPED = 0.2


def true_reward(tau: float | None, steps: int, seed: int) -> float:
    """Of a table of logits after training on rewards of which a fifth is flipped; tau None is REINFORCE."""
    generator = torch.Generator().manual_seed(seed)
    right = torch.randint(ACTIONS, (PROMPTS,), generator=generator)
    logits = torch.zeros(PROMPTS, ACTIONS, requires_grad=True)
    row = torch.arange(PROMPTS)[:, None]
    for _ in range(ITERATIONS):
        optimizer = torch.optim.Adam([logits], lr=0.05)
        reference = logits.detach().log_softmax(1)
        actions = torch.multinomial(reference.exp(), ROLLOUTS, replacement=True, generator=generator)
        rewards = (actions == right[:, None]).float()
        flips = torch.rand(rewards.shape, generator=generator) < FLIPPED
        rewards = torch.where(flips, 1 - rewards, rewards)
        advantages = torch.stack([group_advantages(group) for group in rewards]).flatten()
        for _ in range(steps):
            optimizer.zero_grad()
            now = logits.log_softmax(1)[row, actions].flatten()
            rho = log_ratios(now, reference[row, actions].flatten(), torch.arange(now.numel()), now.numel())
            if tau is None:
                loss = -(advantages * rho).sum() / now.numel()
            else:
                loss = mirror_descent_loss(rho, advantages, tau=tau, divisor=now.numel())
            loss.backward()
            optimizer.step()
    return logits.detach().softmax(1)[torch.arange(PROMPTS), right].mean().item()


def over_seeds(tau: float | None, steps: int) -> NDArray[np.float64]:
    return np.array([true_reward(tau, steps, seed) for seed in range(SEEDS)])


@pytest.mark.thorough
def test_with_many_steps_on_noisy_rewards_tau_beats_reinforce() -> None:
    reinforce = over_seeds(None, 64)
    for tau in (0.3, 1.0):
        gain = over_seeds(tau, 64) - reinforce
        # Outside the 95 % interval of the mean over paired seeds.
        assert gain.mean() > 2.26 * gain.std(ddof=1) / np.sqrt(SEEDS), (tau, gain)


def test_at_one_step_tau_makes_no_difference() -> None:
    reinforce = over_seeds(None, 1)
    for tau in (0.3, 1.0):
        np.testing.assert_allclose(over_seeds(tau, 1), reinforce, rtol=1e-5)
