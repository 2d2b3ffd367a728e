"""Packed rows with the prompt once are one by one, in logprobs and gradients."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.errors import BadInput
from trainer.batch import pack
from trainer.policy import Policy
from trainer.tables import ModelConfig
from trainer.types import Group, Prompt, Rollout, Segment

LENGTHS = ((9, (5, 1, 12)), (3, (2, 7)), (17, (1,)))


def group(number: int, prompt: int, responses: tuple[int, ...], cut: int = 0) -> Group:
    random = np.random.default_rng(number)

    def tokens(count: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        return random.integers(3, 90, count).astype(np.int32)

    def rollout(index: int, length: int) -> Rollout:
        ends = [0, min(cut, length), length] if cut else [0, length]
        segments = tuple(
            Segment(policy_version=version, start=start, end=end, logprobs=np.full(end - start, -1.0, np.float32))
            for version, (start, end) in enumerate(itertools.pairwise(ends))
            if end > start
        )
        return Rollout(
            id=f"{number}.{index}", prompt_id=str(number), index=index, tokens=tokens(length), segments=segments
        )

    return Group(
        prompt=Prompt(id=str(number), tokens=tokens(prompt), item={}),
        rollouts=tuple(rollout(index, length) for index, length in enumerate(responses)),
        opened_at=1,
    )


GROUPS = [group(number, prompt, responses) for number, (prompt, responses) in enumerate(LENGTHS)]


@pytest.fixture(scope="module")
def policy(tiny_model: Path) -> Policy:
    return Policy(ModelConfig(path=str(tiny_model)))


def one_by_one(path: Path) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Each rollout's summed logprob by transformers' own forward, and the gradient of their weighted sum."""
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    sums = []
    for each in GROUPS:
        for rollout in each.rollouts:
            text = torch.from_numpy(np.concatenate((each.prompt.tokens, rollout.tokens)).astype(np.int64))[None]
            logprobs = model(input_ids=text, use_cache=False).logits[0, :-1].log_softmax(1)
            own = logprobs[len(each.prompt.tokens) - 1 :].gather(1, text[0, len(each.prompt.tokens) :, None])
            sums.append(own.sum())
    summed = torch.stack(sums)
    (summed * torch.arange(1, len(sums) + 1)).sum().backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    return summed.detach(), gradients


@pytest.mark.parametrize("budget", [10_000, 30, 24])
def test_packed_is_one_by_one(policy: Policy, tiny_model: Path, budget: int) -> None:
    wanted, gradients = one_by_one(tiny_model)
    batch = pack(GROUPS, budget=budget, policy_version=0)
    assert all(micro.tokens.shape[1] <= budget for micro in batch.micro_batches)
    assert batch.rollouts == len(wanted)
    policy.zero_grad()
    got = torch.zeros(batch.rollouts)
    for micro in batch.micro_batches:
        logprobs, _ = policy(micro)
        sums = torch.zeros(batch.rollouts).index_add(0, micro.rollout, logprobs)
        (sums * torch.arange(1, batch.rollouts + 1)).sum().backward()
        got += sums.detach()
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
    for name, parameter in policy.model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-4, atol=1e-5, msg=name)


def test_gradient_checkpointing_computes_each_layer_again_and_gives_the_same(policy: Policy, tiny_model: Path) -> None:
    def gradients(of: Policy) -> tuple[int, dict[str, torch.Tensor]]:
        calls = 0

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1

        for module in of.modules():
            if type(module).__name__ == "Qwen2MLP":
                module.register_forward_pre_hook(count)
        (micro,) = pack(GROUPS, budget=10_000, policy_version=0).micro_batches
        of.zero_grad()
        of(micro)[0].sum().backward()
        return calls, {name: p.grad for name, p in of.named_parameters() if p.grad is not None}

    calls, plain = gradients(policy)
    again, checkpointed = gradients(Policy(ModelConfig(path=str(tiny_model), gradient_checkpointing=True)))
    assert (calls, again) == (2, 4)
    for name, gradient in plain.items():
        assert torch.equal(checkpointed[name], gradient), name


def test_a_prompt_goes_through_the_model_once() -> None:
    batch = pack(GROUPS, budget=10_000, policy_version=0)
    assert batch.tokens == sum(prompt + sum(length - 1 for length in responses) for prompt, responses in LENGTHS)
    assert batch.trained_tokens == sum(sum(responses) for _, responses in LENGTHS)


def test_a_group_past_the_budget_is_divided_and_its_prompt_repeated() -> None:
    batch = pack(GROUPS[:1], budget=9 + 11, policy_version=0)
    assert [micro.tokens.shape[1] for micro in batch.micro_batches] == [9 + 4 + 0, 9 + 11]


def test_a_rollout_past_the_budget_is_an_error_with_both_numbers() -> None:
    with pytest.raises(BadInput, match=r"tokens_per_micro_batch 19: rollout 0.2 has 9 \+ 12 tokens"):
        pack(GROUPS, budget=19, policy_version=0)


def test_masks_follow_from_segments_and_exclude_the_prefix(policy: Policy) -> None:
    cut = [group(7, 6, (10, 3), cut=4)]
    last = pack(cut, budget=100, policy_version=1, train_segments="last")
    whole = pack(cut, budget=100, policy_version=1)
    # The second rollout ended within its first segment.
    assert last.trained_tokens == 6 + 3
    assert whole.trained_tokens == 13
    (micro,) = whole.micro_batches
    assert micro.sampled.isnan().tolist() == [True] * 4 + [False] * 6 + [True] * 3
    with torch.no_grad():
        of_last, of_whole = policy(last.micro_batches[0])[0], policy(micro)[0]
    torch.testing.assert_close(of_last, of_whole[4:])


def test_a_prefix_token_gets_no_gradient_from_its_own_prediction(policy: Policy) -> None:
    (micro,) = pack([group(7, 6, (10,), cut=4)], budget=100, policy_version=1, train_segments="last").micro_batches
    assert micro.targets.tolist() == group(7, 6, (10,)).rollouts[0].tokens[4:].tolist()
    assert micro.sources.min() == 6 + 4 - 1
