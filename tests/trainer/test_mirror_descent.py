"""The loss against the paper's formulas."""

from __future__ import annotations

import pytest
import torch

from trainer.mirror_descent import Baseline, group_advantages, length_rewards, log_ratios, mirror_descent_loss

TAUS = (0.01, 0.1, 1.0, 10.0)


def rho_of(logits: torch.Tensor, reference: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
    return logits.log_softmax(0)[actions] - reference.log_softmax(0)[actions]


@pytest.mark.parametrize("tau", TAUS)
def test_its_gradient_is_equation_3_by_finite_differences(tau: float) -> None:
    generator = torch.Generator().manual_seed(1)
    logits, reference = torch.randn(2, 6, generator=generator, dtype=torch.float64)
    actions = torch.tensor([0, 3, 3, 5])
    rewards = torch.tensor([1.0, 0.0, 1.0, 0.25], dtype=torch.float64)
    k = len(actions)

    def equation_3(at: torch.Tensor) -> torch.Tensor:
        # What eq. (3) is the gradient of: (1/k) sum_j [ log pi (r - mean) - tau/2 * rho^2 ].
        rho = rho_of(at, reference, actions)
        return ((rho * (rewards - rewards.mean())) - tau / 2 * rho.square()).sum() / k

    step = 1e-6
    wanted = torch.stack(
        [
            (equation_3(logits + step * unit) - equation_3(logits - step * unit)) / (2 * step)
            for unit in torch.eye(6, dtype=torch.float64)
        ]
    )
    logits.requires_grad_()
    rho = rho_of(logits, reference, actions)
    mirror_descent_loss(rho, group_advantages(rewards), tau=tau, divisor=k).backward()
    assert logits.grad is not None
    torch.testing.assert_close(-logits.grad, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("tau", [0.3, 1.0])
def test_with_the_exact_z_it_converges_to_the_closed_form(tau: float) -> None:
    generator = torch.Generator().manual_seed(2)
    reference = torch.randn(8, generator=generator, dtype=torch.float64)
    rewards = torch.rand(8, generator=generator, dtype=torch.float64)
    best = (reference.log_softmax(0) + rewards / tau).softmax(0)
    # tau * log Z under the reference, over all actions and not over a sample.
    log_z = (reference.log_softmax(0) + rewards / tau).logsumexp(0)
    advantages = rewards - tau * log_z
    logits = reference.clone().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.05)
    for _ in range(2_000):
        optimizer.zero_grad()
        mirror_descent_loss(rho_of(logits, reference, torch.arange(8)), advantages, tau=tau, divisor=8).backward()
        optimizer.step()
    torch.testing.assert_close(logits.softmax(0), best, rtol=0, atol=1e-4)


def test_at_the_reference_it_is_reinforce_at_every_tau() -> None:
    gradients = []
    for tau in TAUS:
        logits = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
        rho = rho_of(logits, logits.detach(), torch.tensor([0, 1, 2]))
        mirror_descent_loss(rho, torch.tensor([1.0, -0.5, 0.0], dtype=torch.float64), tau=tau, divisor=3).backward()
        gradients.append(logits.grad)
    for gradient in gradients[1:]:
        torch.testing.assert_close(gradient, gradients[0])


def test_a_log_ratio_is_summed_over_its_own_tokens_alone() -> None:
    logprobs = torch.tensor([0.1, 0.2, 0.4, 0.8], requires_grad=True)
    rho = log_ratios(logprobs, torch.zeros(4), torch.tensor([2, 0, 2, 0]), 3)
    torch.testing.assert_close(rho, torch.tensor([1.0, 0.0, 0.5]))
    rho[2].backward()
    assert logprobs.grad is not None
    assert logprobs.grad.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("baseline", "wanted"),
    [("mean", [0.75, -0.25, -0.25, -0.25]), ("leave-one-out", [1.0, -1 / 3, -1 / 3, -1 / 3])],
)
def test_baselines(baseline: Baseline, wanted: list[float]) -> None:
    got = group_advantages(torch.tensor([1.0, 0.0, 0.0, 0.0]), baseline=baseline)
    torch.testing.assert_close(got, torch.tensor(wanted))


def test_the_log_mean_exp_baseline_gives_a_rare_right_answer_little_push() -> None:
    rewards = torch.tensor([1.0] + [0.0] * 7)
    got = group_advantages(rewards, baseline="log-mean-exp", tau=0.01)
    # kimi-k1.5.md: tau * log Z = 0.979 against the mean 0.125
    assert got[0].item() == pytest.approx(1 - 0.979, abs=1e-3)


def test_equal_rewards_have_no_advantage() -> None:
    assert group_advantages(torch.full((8,), 0.7)).abs().max() < 1e-6


def test_length_rewards_are_those_of_the_paper() -> None:
    lengths = torch.tensor([10.0, 20.0, 30.0, 15.0])
    right = torch.tensor([True, True, True, False])
    torch.testing.assert_close(length_rewards(lengths, right), torch.tensor([0.5, 0.0, -0.5, 0.0]))
    right = torch.tensor([True, True, False, False])
    torch.testing.assert_close(length_rewards(lengths, right), torch.tensor([0.5, 0.0, -0.5, 0.0]))
    assert length_rewards(torch.tensor([7.0, 7.0]), torch.tensor([True, False])).tolist() == [0, 0]
