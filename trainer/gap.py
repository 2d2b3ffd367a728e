"""The gap between sampler and trainer: what two programs with the same weights say of the same tokens.

It is the trainer's minus the sampler's logprob of each trained token, nan where an older policy sampled it. Only the
first inner step tells it: there the trainer computes with the weights that sampled.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from trainer.batch import MicroBatch
from trainer.errors import StaleWeights
from trainer.ranks import Ranks
from trainer.types import Gap

_TIMES_USUAL: Final = 4
_MOST_WEIGHT: Final = 2.0


def sampler_gap(reference: Tensor, micro: MicroBatch) -> Tensor:
    """float32 [n] of the trained tokens; `reference` [n] is the trainer's logprobs."""
    return reference - micro.sampled


def near_the_sampler(gap: Tensor, rollout: Tensor, rollouts: int, limit: float) -> Tensor:
    """float32 [rollouts]: 1 where a rollout's mean absolute gap is within `limit`, 0 past it or without tokens here.

    The mean is over the tokens that this policy sampled; a rollout without one, which ended before its siblings, is
    not past any limit.
    """
    zeros = torch.zeros(rollouts, device=gap.device)
    known = (~gap.isnan()).float()
    tokens = zeros.index_add(0, rollout, torch.ones_like(known))
    sizes = zeros.index_add(0, rollout, gap.abs().nan_to_num(0.0))
    means = sizes / zeros.index_add(0, rollout, known).clamp(min=1)
    return ((tokens > 0) & (means <= limit)).float()


def truncated_weights(gap: Tensor) -> Tensor:
    """min(exp(gap), 2) [n], what "token_truncate" multiplies each token's gradient with; 1 where the gap is nan."""
    return gap.nan_to_num(0.0).exp().clamp(max=_MOST_WEIGHT)


class GapOfBatch:
    """An iteration's gaps and entropies, over all ranks once they are joined."""

    def __init__(self) -> None:
        self._gaps: list[Tensor] = []
        self._entropies: list[Tensor] = []

    def add(self, gap: Tensor, entropy: Tensor) -> None:
        """A micro-batch's, both [n]."""
        self._gaps.append(gap[~gap.isnan()].cpu())
        self._entropies.append(entropy.cpu())

    def join(self, ranks: Ranks) -> None:
        """Every rank's together, on every rank."""
        everyone = ranks.gathered((self._gaps, self._entropies))
        self._gaps = [part for gaps, _ in everyone for part in gaps]
        self._entropies = [part for _, entropies in everyone for part in entropies]

    @property
    def entropy(self) -> float:
        """Mean, in nats."""
        return torch.cat(self._entropies).mean().item() if self._entropies else 0.0

    @property
    def numbers(self) -> Gap:
        """For the metrics; zeros without a token of this policy's."""
        gap = torch.cat(self._gaps) if self._gaps else torch.zeros(0)
        if not len(gap):
            return Gap()
        ratio = gap.exp()
        return Gap(
            mean=gap.mean().item(),
            size=gap.abs().mean().item(),
            sd=gap.std(correction=0).item(),
            max=gap.abs().max().item(),
            k3=(ratio - 1 - gap).mean().item(),
            outside=((ratio < 0.9) | (ratio > 1.1)).float().mean().item(),
        )

    def check(self, usual: float) -> None:
        """Raises StaleWeights where the mean absolute gap is over 4 times what is usual between the two."""
        size = self.numbers.size
        if not size <= _TIMES_USUAL * usual:
            raise StaleWeights(
                f"the rollouts were not sampled from the trainer's weights: their logprobs are {size:.2g} from its own "
                f"in the mean, {usual:.2g} is usual after a sync"
            )
