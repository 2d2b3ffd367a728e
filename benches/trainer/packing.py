"""The update's forward and backward alone, as a process: packed with the prompt once, packed, and padded."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from benches.trainer.ways import padded_hidden, padded_rows, prompt_for_each
from benches.trainer.worker import Turns
from trainer import Group, Prompt, Rollout
from trainer.attention import NAME
from trainer.batch import Batch, MicroBatch, pack
from trainer.logprobs import token_logprobs
from trainer.mirror_descent import log_ratios, mirror_descent_loss
from trainer.policy import Policy
from trainer.tables import ModelConfig

Logprobs = Callable[[Policy, MicroBatch], Tensor]

ONCE: Final = "packed, prompt once"
EACH: Final = "packed, prompt for each response"
PADDED: Final = "padded"
WAYS: Final = (ONCE, EACH, PADDED)
_TOKENS_AT_ONCE: Final = 16384
_TOLERANCE: Final = 1e-3


def run(specification: Mapping[str, Any], turns: Turns) -> None:
    """A forward and a backward each turn; first the gradient has to be that of the padded batch."""
    way = specification["way"]
    policy = Policy(ModelConfig(path=specification["model"]))
    groups = made_groups(specification)
    step = update_of(way, policy, groups)
    apart = difference(step(), update_of(PADDED, policy, groups)())
    assert apart < _TOLERANCE, f"the gradient is {apart:.2g} from that of the padded batch"
    turns({"gradient_apart": apart})
    while True:
        began, cpu_began = time.perf_counter(), time.process_time()
        step()
        turns(
            {
                "seconds": time.perf_counter() - began,
                "cpu_seconds": time.process_time() - cpu_began,
                "model_tokens": tokens_of(way, groups),
                "completion_tokens": sum(len(rollout.tokens) for group in groups for rollout in group.rollouts),
            }
        )


def made_groups(specification: Mapping[str, Any]) -> list[Group]:
    """Responses whose lengths are those of tokens that end it with one chance, cut at twice the mean."""
    random = np.random.default_rng(specification["seed"])
    mean = specification["mean_response"]
    groups = []
    for number in range(specification["groups"]):
        prompt = Prompt(id=str(number), tokens=_tokens(random, specification["prompt"]), item={})
        lengths = random.geometric(1 / mean, specification["k"]).clip(2, 2 * mean)
        rollouts = tuple(
            Rollout(id=f"{number}.{index}", prompt_id=prompt.id, index=index, tokens=_tokens(random, length))
            for index, length in enumerate(lengths.tolist())
        )
        groups.append(Group(prompt=prompt, rollouts=rollouts, opened_at=0))
    return groups


def update_of(way: str, policy: Policy, groups: Sequence[Group]) -> Callable[[], list[Tensor]]:
    """One forward and backward over the groups, micro-batch by micro-batch; gives the gradients."""
    batch = _packed(way, groups)
    references = torch.zeros(batch.trained_tokens)
    logprobs_of: Logprobs = _padded_logprobs if way == PADDED else _packed_logprobs
    advantages = torch.linspace(-1, 1, batch.rollouts)

    def step() -> list[Tensor]:
        policy.zero_grad(set_to_none=True)
        if way != PADDED:
            policy.model.set_attn_implementation(NAME)
        begin = 0
        for micro in batch.micro_batches:
            logprobs = logprobs_of(policy, micro)
            reference = references[begin : begin + len(logprobs)]
            begin += len(logprobs)
            if reference.eq(0).all():
                reference.copy_(logprobs.detach())
            rho = log_ratios(logprobs, reference, micro.rollout, batch.rollouts)
            counts = torch.zeros(batch.rollouts).index_fill(0, micro.rollout.unique(), 1.0)
            mirror_descent_loss(rho, advantages * counts, tau=0.1, divisor=batch.rollouts).backward()
        return [parameter.grad for parameter in policy.parameters() if parameter.grad is not None]

    return step


def tokens_of(way: str, groups: Sequence[Group]) -> int:
    """That go through the model, padding too."""
    batch = _packed(way, groups)
    if way == PADDED:
        return sum(padded_rows(micro)[0].numel() for micro in batch.micro_batches)
    return batch.tokens


def difference(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """The largest difference of a tensor's elements, as a share of the largest element of all."""
    apart = max((mine - other).abs().max().item() for mine, other in zip(ours, theirs, strict=True))
    return apart / max(other.abs().max().item() for other in theirs)


def _packed(way: str, groups: Sequence[Group]) -> Batch:
    return pack(groups if way == ONCE else prompt_for_each(groups), budget=_TOKENS_AT_ONCE, policy_version=0)


def _packed_logprobs(policy: Policy, micro: MicroBatch) -> Tensor:
    logprobs: Tensor = policy(micro)[0]
    return logprobs


def _padded_logprobs(policy: Policy, micro: MicroBatch) -> Tensor:
    weight = policy.model.get_output_embeddings().weight
    return token_logprobs(padded_hidden(policy, micro), weight, micro.targets)[0]


def _tokens(random: np.random.Generator, count: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    return random.integers(3, 100, count).astype(np.int32)
