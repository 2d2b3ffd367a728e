"""What stands around the loss: the gap to the sampler, short dtypes, memory that is too small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from engine.errors import BadInput
from trainer import Group, Prompt, Rollout, StaleWeights, TrainerError
from trainer.batch import Batch, longest_batch, pack
from trainer.gap import near_the_sampler
from trainer.policy import Policy
from trainer.ranks import Ranks
from trainer.tables import ModelConfig, UpdateConfig
from trainer.types import Segment
from trainer.update import Optimizer

PROMPT = [10, 11, 12]
RESPONSES = ([20, 21, 22, 1], [23, 1], [24, 25, 1])
ADVANTAGES = torch.tensor([0.6, -0.5, -0.1])


def sampled(policy: Policy, gaps: float | list[float] = 0.0) -> Batch:
    """The responses with the policy's own logprobs, less `gaps` by rollout."""
    gaps = [gaps] * len(RESPONSES) if isinstance(gaps, float) else gaps
    rollouts = tuple(
        Rollout(
            id=str(index),
            prompt_id="",
            index=index,
            tokens=np.asarray(response, np.int32),
            segments=(
                Segment(
                    policy_version=0,
                    start=0,
                    end=len(response),
                    logprobs=policy.response_logprobs(PROMPT, response) - np.float32(gap),
                ),
            ),
        )
        for index, (response, gap) in enumerate(zip(RESPONSES, gaps, strict=True))
    )
    prompt = Prompt(id="", tokens=np.asarray(PROMPT, np.int32), item={})
    return pack([Group(prompt=prompt, rollouts=rollouts, opened_at=0)], budget=100, policy_version=0)


def optimizer(policy: Policy, **changes: object) -> Optimizer:
    config = replace(UpdateConfig(learning_rate=1e-3, steps=2), **changes)  # type: ignore[arg-type]
    return Optimizer(policy, config, Ranks())


def weights(policy: Policy) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in policy.weights()}


def test_a_batch_that_other_weights_sampled_stops_the_run_and_changes_nothing(policy: Policy) -> None:
    before = weights(policy)
    with pytest.raises(StaleWeights, match=r"0\.1 from its own in the mean, 0\.0001 is usual"):
        optimizer(policy).update(sampled(policy, 0.1), ADVANTAGES, divisor=3, usual_gap=1e-4)
    assert all(torch.equal(before[name], weight) for name, weight in policy.weights())
    assert optimizer(policy).update(sampled(policy), ADVANTAGES, divisor=3, usual_gap=1e-4).gap.size < 1e-5


def test_a_rollout_past_the_gap_limit_teaches_nothing(policy: Policy, tiny_model: Path) -> None:
    update = optimizer(policy, steps=1).update(sampled(policy, [0.0, 0.5, 0.0]), ADVANTAGES, divisor=3)
    assert update.gap.max == pytest.approx(0.5, abs=1e-4)
    other = Policy(ModelConfig(path=str(tiny_model)))
    optimizer(other, steps=1).update(sampled(other), ADVANTAGES * torch.tensor([1.0, 0.0, 1.0]), divisor=3)
    theirs = weights(other)
    for name, weight in policy.weights():
        assert_close(weight, theirs[name])


def test_tokens_of_older_policies_do_not_dilute_a_rollouts_gap() -> None:
    old = [float("nan")] * 9
    gap = torch.tensor([*old, 0.5, *old, 0.1, *old])
    rollout = torch.tensor([0] * 10 + [1] * 10 + [2] * 9)
    assert near_the_sampler(gap, rollout, 4, limit=0.2).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("gap", "correction", "times"),
    [(0.405465, "token_truncate", 1.5), (1.609438, "token_truncate", 2.0), (1.609438, "none", 1.0)],
)
def test_truncated_correction_weighs_each_tokens_gradient(
    policy: Policy, gap: float, correction: str, times: float
) -> None:
    def gradient(gap: float, correction: str) -> dict[str, torch.Tensor]:
        made = optimizer(
            policy, sampler_correction=correction, gap_limit=10.0, max_gradient_norm=1e9, reset_optimizer=False, steps=1
        )
        # Adam's step tells nothing of a gradient's length, so the gradient is looked at before it.
        made._adam.step = lambda *_: None  # type: ignore[method-assign]
        made.update(sampled(policy, gap), ADVANTAGES, divisor=3)
        return {name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None}

    plain = gradient(0.0, "none")
    for name, weighted in gradient(gap, correction).items():
        assert_close(weighted, times * plain[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_short_dtype_follows_float32(tiny_model: Path, policy: Policy, dtype: str) -> None:
    short = Policy(ModelConfig(path=str(tiny_model), dtype=dtype))  # type: ignore[arg-type]
    ours = optimizer(short).update(sampled(short), ADVANTAGES, divisor=3)
    theirs = optimizer(policy).update(sampled(policy), ADVANTAGES, divisor=3)
    assert ours.gradient_norm == pytest.approx(theirs.gradient_norm, rel=0.05)
    assert all(weight.dtype == torch.float32 for _, weight in short.weights())


def test_a_loss_scale_that_is_too_large_is_halved_and_the_step_taken_again(tiny_model: Path) -> None:
    short = Policy(ModelConfig(path=str(tiny_model), dtype="float16"))
    made = optimizer(short)
    made._loss_scale = 2.0**40
    update = made.update(sampled(short), ADVANTAGES, divisor=3)
    assert made._loss_scale < 2.0**30
    assert len(update.gradient_norm) == 2
    assert all(np.isfinite(update.gradient_norm))


def test_a_gradient_that_is_no_number_changes_no_weight(policy: Policy) -> None:
    before = weights(policy)
    with pytest.raises(TrainerError, match="gradient is nan"):
        optimizer(policy).update(sampled(policy), ADVANTAGES * float("nan"), divisor=3)
    assert all(torch.equal(before[name], weight) for name, weight in policy.weights())


def test_the_longest_batch_is_tried_without_a_trace(policy: Policy) -> None:
    before = weights(policy)
    batch = longest_batch(30, 40, budget=200)
    assert 160 < batch.tokens <= 200
    optimizer(policy, weight_decay=0.1).rehearse(batch)
    assert all(torch.equal(before[name], weight) for name, weight in policy.weights())
    assert all(parameter.grad is None for parameter in policy.parameters())


def test_a_batch_that_memory_does_not_hold_is_an_error_that_names_the_key(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise torch.OutOfMemoryError("tried to allocate 20 GiB")

    monkeypatch.setattr(policy, "forward", no_memory)
    with pytest.raises(BadInput, match=r"^update.tokens_per_micro_batch 16384: more than the memory of cpu"):
        optimizer(policy).rehearse(longest_batch(3, 4, budget=20))
