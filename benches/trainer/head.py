"""Log probabilities and entropies of 4,096 tokens over 32,768, forward and backward, as a process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor

from benches.trainer.worker import Turns, peak_above, reset_peak
from trainer.logprobs import token_logprobs

OURS: Final = "chunks"
FULL: Final = "full logits"
WAYS: Final = (OURS, FULL)
_TOLERANCE: Final = 1e-4

Head = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def run(specification: Mapping[str, Any], turns: Turns) -> None:
    """A forward and a backward each turn; first, on fewer tokens, both ways have to agree."""
    head = _HEADS[specification["way"]]
    generator = torch.Generator().manual_seed(specification["seed"])
    tokens, vocabulary, width = (specification[key] for key in ("tokens", "vocabulary", "width"))
    hidden = torch.randn(tokens, width, generator=generator).requires_grad_()
    weight = (torch.randn(vocabulary, width, generator=generator) * width**-0.5).requires_grad_()
    targets = torch.randint(vocabulary, (tokens,), generator=generator)
    few = slice(0, min(tokens, 64))
    _check(hidden[few], weight, targets[few])
    turns({})
    while True:
        hidden.grad = weight.grad = None
        before = reset_peak()
        began, cpu_began = time.perf_counter(), time.process_time()
        logprobs, _ = head(hidden, weight, targets)
        forward = time.perf_counter() - began
        logprobs.mean().backward()
        seconds = time.perf_counter() - began
        turns(
            {
                "seconds": seconds,
                "cpu_seconds": time.process_time() - cpu_began,
                "forward": forward,
                "backward": seconds - forward,
                "peak_bytes": peak_above(before),
            }
        )


def full_logits(hidden: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """What `token_logprobs` gives, from all logits at once."""
    logprobs = (hidden @ weight.T).log_softmax(1)
    with torch.no_grad():
        entropy = -(logprobs.exp() * logprobs).sum(1)
    return logprobs.gather(1, targets[:, None]).squeeze(1), entropy


_HEADS: Final[dict[str, Head]] = {OURS: token_logprobs, FULL: full_logits}


def _check(hidden: Tensor, weight: Tensor, targets: Tensor) -> None:
    answers = []
    for head in _HEADS.values():
        logprobs, entropy = head(hidden, weight, targets)
        answers.append((logprobs, entropy, *torch.autograd.grad(logprobs.sum(), (hidden, weight))))
    for ours, theirs in zip(*answers, strict=True):
        apart = (ours - theirs).abs().max().item()
        assert apart < _TOLERANCE * max(1.0, theirs.abs().max().item()), f"apart by {apart:.2g}"
