"""Requests to a rollout engine, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from trainer.policy import Policy
from trainer.rollouts import RolloutEngine
from trainer.types import End, Request

PROMPT = [3 + number % 90 for number in range(7, 180, 3)]
# Longer than a block of vLLM's cache on the CPU.
LONG_PROMPT = [3 + number * number % 90 for number in range(150)]


@dataclass
class Sampled:
    """A whole response."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    end: End | None = None


def request(key: str = "only", tokens: Sequence[int] = PROMPT, max_tokens: int = 16, seed: int = 1) -> Request:
    return Request(id=key, tokens=np.asarray(tokens, np.int32), max_tokens=max_tokens, seed=seed)


def greedy(tokens: Sequence[int] = PROMPT, max_tokens: int = 16) -> Request:
    return Request(id="greedy", tokens=np.asarray(tokens, np.int32), max_tokens=max_tokens, seed=0, greedy=True)


def sample(engine: RolloutEngine, *requests: Request) -> dict[str, Sampled]:
    """All of them at once, until each has ended."""
    for one in requests:
        engine.submit(one)
    return rest(engine, [one.id for one in requests])


def rest(engine: RolloutEngine, keys: Iterable[str]) -> dict[str, Sampled]:
    """What these still bring."""
    responses = {key: Sampled() for key in keys}
    while outputs := engine.step():
        for output in outputs:
            response = responses[output.id]
            assert response.end is None, "more of a response that had ended"
            assert len(output.tokens) == len(output.logprobs)
            response.tokens += output.tokens
            response.logprobs += output.logprobs
            response.end = output.end
    return responses


def changed(policy: Policy, by: float, *, only: str = "", seed: int = 0) -> None:
    """Noise of this standard deviation on the policy's weights whose names contain `only`."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if only in name:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=by)
