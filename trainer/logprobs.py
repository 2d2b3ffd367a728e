"""Log probabilities of tokens without logits of [tokens, vocabulary] in memory: a chunked head in float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def token_logprobs(
    hidden: Tensor, weight: Tensor, targets: Tensor, *, temperature: float = 1.0, chunk: int = 512
) -> tuple[Tensor, Tensor]:
    """log p(target) [n] and the distribution's entropy [n] in nats, both float32.

    hidden   [n, width], last hidden states
    weight   [vocabulary, width], the head's
    targets  int64 [n]
    chunk    positions whose logits are in memory at once

    Logits are float32 whatever the inputs are: rounded to bfloat16, a sum over 1,000 tokens is off by 0.5 and more. The
    entropy has no gradient.
    """
    logprobs, entropy = _Head.apply(hidden, weight, targets, temperature, chunk)  # type: ignore[no-untyped-call]
    return logprobs, entropy


def log_distributions(hidden: Tensor, weight: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Log probabilities [n, vocabulary] of every token, float32, as `token_logprobs` takes them."""
    return _logits(hidden, weight, temperature).log_softmax(1)


class _Head(torch.autograd.Function):
    """Keeps hidden states and normalisers; the backward computes each chunk's logits again."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float, chunk: int
    ) -> tuple[Tensor, Tensor]:
        normaliser = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        logprobs, entropy = torch.empty_like(normaliser), torch.empty_like(normaliser)
        for begin in range(0, len(targets), chunk):
            part = slice(begin, begin + chunk)
            logits = _logits(hidden[part], weight, temperature)
            normaliser[part] = logits.logsumexp(1)
            logprobs[part] = logits.gather(1, targets[part, None]).squeeze(1) - normaliser[part]
            probabilities = logits.sub(normaliser[part, None]).exp_()
            entropy[part] = normaliser[part] - probabilities.mul_(logits).sum(1)
        ctx.save_for_backward(hidden, weight, targets, normaliser)
        ctx.temperature, ctx.chunk = temperature, chunk
        ctx.mark_non_differentiable(entropy)
        return logprobs, entropy

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _entropy: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, targets, normaliser = ctx.saved_tensors
        of_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        of_weight = torch.zeros_like(weight, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        for begin in range(0, len(targets), ctx.chunk):
            part = slice(begin, begin + ctx.chunk)
            # d log p(target) / d logits = onehot(target) - p
            of_logits = _logits(hidden[part], weight, ctx.temperature)
            of_logits.sub_(normaliser[part, None]).exp_().neg_()
            of_logits.scatter_add_(1, targets[part, None], torch.ones_like(of_logits[:, :1]))
            of_logits.mul_(gradient[part, None] / ctx.temperature)
            if of_hidden is not None:
                of_hidden[part] = (of_logits @ weight.float()).to(hidden.dtype)
            if of_weight is not None:
                of_weight.addmm_(of_logits.T, hidden[part].float())
        return of_hidden, None if of_weight is None else of_weight.to(weight.dtype), None, None, None


def _logits(hidden: Tensor, weight: Tensor, temperature: float) -> Tensor:
    if hidden.is_cuda and hidden.dtype != torch.float32:
        # Tensor cores multiply the short type and add up in float32.
        logits = torch.mm(hidden, weight.T, out_dtype=torch.float32)
    else:
        logits = hidden.float() @ weight.float().T
    return logits if temperature == 1.0 else logits.div_(temperature)
