"""The chunked head against float64."""

from __future__ import annotations

import pytest
import torch

from trainer.logprobs import token_logprobs


def naive(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    logprobs = (hidden.double() @ weight.double().T / temperature).log_softmax(1)
    return logprobs.gather(1, targets[:, None]).squeeze(1), -(logprobs.exp() * logprobs).sum(1)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("chunk", [1, 7, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_and_gradients(dtype: torch.dtype, chunk: int, temperature: float) -> None:
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(33, 16, generator=generator).to(dtype).requires_grad_()
    weight = torch.randn(101, 16, generator=generator).to(dtype).requires_grad_()
    targets = torch.randint(101, (33,), generator=generator)
    upstream = torch.randn(33, generator=generator)

    logprobs, entropy = token_logprobs(hidden, weight, targets, temperature=temperature, chunk=chunk)
    assert logprobs.dtype == entropy.dtype == torch.float32
    assert not entropy.requires_grad
    gradients = torch.autograd.grad((logprobs * upstream).sum(), (hidden, weight))

    wanted, wanted_entropy = naive(hidden, weight, targets, temperature)
    wanted_gradients = torch.autograd.grad((wanted * upstream).sum(), (hidden, weight))
    torch.testing.assert_close(logprobs.double(), wanted, rtol=1e-5, atol=2e-5)
    torch.testing.assert_close(entropy.double(), wanted_entropy, rtol=1e-4, atol=1e-4)
    tolerance = 1e-4 if dtype == torch.float32 else 2e-2
    for got, right in zip(gradients, wanted_gradients, strict=True):
        assert got.dtype == dtype
        torch.testing.assert_close(got.double(), right.double(), rtol=tolerance, atol=tolerance)


def test_only_what_is_asked_for_gets_a_gradient() -> None:
    hidden = torch.randn(4, 8, requires_grad=True)
    logprobs, _ = token_logprobs(hidden, torch.randn(11, 8), torch.tensor([1, 2, 3, 4]))
    logprobs.sum().backward()
    assert hidden.grad is not None


def test_nothing_to_predict() -> None:
    logprobs, entropy = token_logprobs(torch.randn(0, 8), torch.randn(11, 8), torch.zeros(0, dtype=torch.long))
    assert logprobs.shape == entropy.shape == (0,)
