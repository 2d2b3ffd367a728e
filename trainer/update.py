"""The inner steps of an iteration: mirror descent on one batch, against the policy as it was at the start."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from engine.errors import BadInput
from trainer.batch import Batch, MicroBatch
from trainer.mirror_descent import log_ratios, mirror_descent_loss
from trainer.policy import Policy
from trainer.progress import Say, silent
from trainer.ranks import Ranks
from trainer.tables import UpdateConfig
from trainer.types import Gap, Update


class Optimizer:
    """AdamW over the policy's weights, with the inner steps.

    Raises BadInput for an optimizer that is kept over iterations while its weights are spread over several ranks.
    """

    def __init__(self, policy: Policy, config: UpdateConfig, ranks: Ranks, say: Say = silent) -> None:
        if ranks.size > 1 and not config.reset_optimizer:
            raise BadInput("update.reset_optimizer", False, f"not with {ranks.size} ranks: no checkpoint could keep it")
        self._policy = policy
        self._config = config
        self._ranks = ranks
        self._say = say
        self._parameters = [parameter for parameter in policy.parameters() if parameter.requires_grad]
        self._adam = self._new()

    def _new(self) -> torch.optim.AdamW:
        return torch.optim.AdamW(
            self._parameters, lr=self._config.learning_rate, weight_decay=self._config.weight_decay
        )

    def state(self) -> dict[str, Any] | None:
        """What a resumed run needs; None where every iteration begins anew."""
        return None if self._config.reset_optimizer else self._adam.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """What `state` gave."""
        self._adam.load_state_dict(state)

    def update(self, batch: Batch, advantages: Tensor, *, divisor: int) -> Update:
        """`config.steps` steps on the same micro-batches, each rank its share; advantages are float32 [rollouts].

        The reference costs nothing: it is what the first step's forward gives.
        """
        mine = self._share(batch)
        if self._config.reset_optimizer:
            self._adam = self._new()
        advantages = advantages.to(self._policy.device)
        references: list[Tensor] = []
        weights: list[Tensor] = []
        first = _FirstStep()
        losses, norms, rhos = [], [], []
        for step in range(self._config.steps):
            self._say("update", f"step {step + 1} of {self._config.steps}")
            self._adam.zero_grad(set_to_none=True)
            loss_sum, rho_sum = 0.0, 0.0
            for number, (micro, counts) in enumerate(mine):
                self._policy.last_of_step(number == len(mine) - 1)
                logprobs, entropy = self._policy(micro)
                if step == 0:
                    references.append(logprobs.detach())
                    near = self._near_the_sampler(micro, references[number], batch.rollouts)
                    weights.append(near if counts else torch.zeros_like(near))
                    if counts:
                        first.add(micro, references[number], entropy)
                rho = log_ratios(logprobs, references[number], micro.rollout, batch.rollouts)
                here = weights[number]
                loss = mirror_descent_loss(rho * here, advantages * here, tau=self._config.tau, divisor=divisor)
                # Gradients are averaged over the ranks.
                (loss * self._ranks.size).backward()
                loss_sum += loss.item()
                rho_sum += (rho.detach() * here).abs().sum().item()
            norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._config.max_gradient_norm)
            self._adam.step()
            loss_all, rho_all = self._ranks.sum(torch.tensor([loss_sum, rho_sum], dtype=torch.float64)).tolist()
            losses.append(loss_all)
            norms.append((norm.full_tensor() if isinstance(norm, DTensor) else norm).item())
            rhos.append(rho_all / max(batch.rollouts, 1))
        first.join(self._ranks)
        return Update(
            rollouts=batch.rollouts,
            tokens=batch.tokens,
            trained_tokens=batch.trained_tokens,
            loss=tuple(losses),
            gradient_norm=tuple(norms),
            rho=tuple(rhos),
            advantage=advantages.abs().mean().item() if batch.rollouts else 0.0,
            entropy=first.entropy,
            gap=first.gap(),
        )

    def _share(self, batch: Batch) -> list[tuple[MicroBatch, bool]]:
        """This rank's, and whether each counts: every rank runs as many, the last by one that does not."""
        micros, size = batch.micro_batches, self._ranks.size
        share = [(micro, True) for micro in micros[self._ranks.rank :: size]]
        missing = -(-len(micros) // size) - len(share)
        return share + [(micro, False) for micro in micros[:missing]]

    def _near_the_sampler(self, micro: MicroBatch, reference: Tensor, rollouts: int) -> Tensor:
        """float [rollouts]: 1 for this micro-batch's rollouts, 0 for those past `gap_limit` and for all others."""
        gap = (reference - micro.sampled).abs().nan_to_num(0.0)
        zeros = torch.zeros(rollouts, device=gap.device)
        tokens = zeros.index_add(0, micro.rollout, torch.ones_like(gap))
        gaps = zeros.index_add(0, micro.rollout, gap) / tokens.clamp(min=1)
        return ((tokens > 0) & (gaps <= self._config.gap_limit)).float()


class _FirstStep:
    """What only the first step tells: it computes with the weights that sampled."""

    def __init__(self) -> None:
        self._gaps: list[Tensor] = []
        self._entropies: list[Tensor] = []

    def add(self, micro: MicroBatch, reference: Tensor, entropy: Tensor) -> None:
        gap = reference - micro.sampled
        self._gaps.append(gap[~gap.isnan()].cpu())
        self._entropies.append(entropy.cpu())

    def join(self, ranks: Ranks) -> None:
        """All ranks' together."""
        everyone = ranks.gathered((self._gaps, self._entropies))
        self._gaps = [part for gaps, _ in everyone for part in gaps]
        self._entropies = [part for _, entropies in everyone for part in entropies]

    @property
    def entropy(self) -> float:
        return _mean(self._entropies)

    def gap(self) -> Gap:
        gap = torch.cat(self._gaps) if self._gaps else torch.zeros(0)
        if not len(gap):
            return Gap()
        ratio = gap.exp()
        return Gap(
            mean=gap.mean().item(),
            sd=gap.std(correction=0).item(),
            max=gap.abs().max().item(),
            k3=(ratio - 1 - gap).mean().item(),
            outside=((ratio < 0.9) | (ratio > 1.1)).float().mean().item(),
        )


def _mean(parts: Iterable[Tensor]) -> float:
    joined = list(parts)
    return torch.cat(joined).mean().item() if joined else 0.0
