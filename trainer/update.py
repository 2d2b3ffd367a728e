"""The inner steps of an iteration: mirror descent on one batch, against the policy as it was at the start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from engine.errors import BadInput
from trainer.batch import Batch, MicroBatch
from trainer.errors import TrainerError
from trainer.gap import GapOfBatch, near_the_sampler, sampler_gap, truncated_weights
from trainer.mirror_descent import log_ratios, mirror_descent_loss
from trainer.policy import Policy
from trainer.progress import Say, silent
from trainer.ranks import Ranks
from trainer.tables import UpdateConfig
from trainer.types import Update

# float16 ends at 6e-8: small gradients are lost unless the loss is multiplied, and large ones with too much of it.
_FIRST_LOSS_SCALE: Final = 2.0**16
_GROWS_AFTER: Final = 50


class _Seen(NamedTuple):
    """What the first step tells of a micro-batch.

    reference  logprobs [n] of the policy at the start
    weights    [rollouts], 0 for rollouts that are not here or too far from the sampler
    pulls      [n], what each token's gradient is multiplied with; None: all alike
    """

    reference: Tensor
    weights: Tensor
    pulls: Tensor | None


@dataclass(slots=True)
class _Share:
    """A micro-batch of this rank's.

    counts  False where it only keeps this rank in step with the others
    seen    None before the first step
    """

    micro: MicroBatch
    counts: bool
    seen: _Seen | None = None


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
        self._adam = self._new(config.learning_rate)
        self._scales = policy.dtype == torch.float16
        self._loss_scale = _FIRST_LOSS_SCALE if self._scales else 1.0
        self._steps_at_scale = 0

    def _new(self, learning_rate: float) -> torch.optim.AdamW:
        return torch.optim.AdamW(self._parameters, lr=learning_rate, weight_decay=self._config.weight_decay)

    def state(self) -> dict[str, Any] | None:
        """What a resumed run needs; None where every iteration begins anew."""
        return None if self._config.reset_optimizer else self._adam.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """What `state` gave."""
        self._adam.load_state_dict(state)

    def update(self, batch: Batch, advantages: Tensor, *, divisor: int, usual_gap: float = math.inf) -> Update:
        """`config.steps` steps on the same micro-batches, each rank its share; advantages are float32 [rollouts].

        The reference costs nothing: it is what the first step's forward gives.

        usual_gap  between sampler and trainer; with a mean over 4 times that the rollouts are not of these weights

        Raises StaleWeights, before any weight is changed; TrainerError where a gradient is not finite.
        """
        mine = self._share(batch)
        if self._config.reset_optimizer:
            self._adam = self._new(self._config.learning_rate)
        advantages = advantages.to(self._policy.device)
        gaps = GapOfBatch()
        losses, norms, rhos = [], [], []
        for step in range(self._config.steps):
            self._say("update", f"step {step + 1} of {self._config.steps}")
            loss, rho, norm = self._gradients(mine, advantages, divisor, gaps)
            if step == 0:
                gaps.join(self._ranks)
                gaps.check(usual_gap)
            self._adam.step()
            losses.append(loss)
            norms.append(norm)
            rhos.append(rho / max(batch.rollouts, 1))
        return Update(
            rollouts=batch.rollouts,
            tokens=batch.tokens,
            trained_tokens=batch.trained_tokens,
            loss=tuple(losses),
            gradient_norm=tuple(norms),
            rho=tuple(rhos),
            advantage=advantages.abs().mean().item() if batch.rollouts else 0.0,
            entropy=gaps.entropy,
            gap=gaps.numbers,
        )

    def rehearse(self, batch: Batch) -> None:
        """Forward, backward and step on each micro-batch that change no weight; raises BadInput where memory ends."""
        adam = self._new(learning_rate=0.0)
        self._policy.last_of_step(True)
        try:
            for micro in batch.micro_batches:
                logprobs, _ = self._policy(micro)
                (logprobs.sum() * 0.0).backward()
            adam.step()
        except torch.OutOfMemoryError as error:
            too_much = f"more than the memory of {self._policy.device} holds: {error}"
            raise BadInput("update.tokens_per_micro_batch", self._config.tokens_per_micro_batch, too_much) from None
        adam.zero_grad(set_to_none=True)

    def _share(self, batch: Batch) -> list[_Share]:
        """This rank's: every rank runs as many, the last by one that does not count."""
        micros, size = batch.micro_batches, self._ranks.size
        share = [_Share(micro, counts=True) for micro in micros[self._ranks.rank :: size]]
        missing = -(-len(micros) // size) - len(share)
        return share + [_Share(micro, counts=False) for micro in micros[:missing]]

    def _gradients(
        self, mine: Sequence[_Share], advantages: Tensor, divisor: int, gaps: GapOfBatch
    ) -> tuple[float, float, float]:
        """Of one step, clipped: all ranks' loss, their sum of |rho|, and the gradient's norm before clipping."""
        while True:
            sums = self._ranks.sum(self._backward(mine, advantages, divisor, gaps))
            norm = self._clipped()
            if math.isfinite(norm):
                break
            if self._loss_scale == 1.0:
                raise TrainerError(f"the update's gradient is {norm}: the weights are left as they are")
            self._loss_scale, self._steps_at_scale = self._loss_scale / 2, 0
        self._steps_at_scale += 1
        if self._scales and self._steps_at_scale == _GROWS_AFTER:
            self._loss_scale, self._steps_at_scale = min(2 * self._loss_scale, _FIRST_LOSS_SCALE), 0
        loss, rho = sums.tolist()
        return loss, rho, norm

    def _backward(self, mine: Sequence[_Share], advantages: Tensor, divisor: int, gaps: GapOfBatch) -> Tensor:
        """This rank's loss and sum of |rho|, float64 [2]."""
        self._adam.zero_grad(set_to_none=True)
        loss_sum, rho_sum = 0.0, 0.0
        for share in mine:
            self._policy.last_of_step(share is mine[-1])
            logprobs, entropy = self._policy(share.micro)
            if share.seen is None:
                share.seen = self._first_seen(share, logprobs.detach(), entropy, len(advantages), gaps)
            reference, here, pulls = share.seen
            if pulls is not None:
                # The value as it is, the gradient times the weight.
                logprobs = torch.lerp(logprobs.detach(), logprobs, pulls)
            rho = log_ratios(logprobs, reference, share.micro.rollout, len(advantages))
            loss = mirror_descent_loss(rho * here, advantages * here, tau=self._config.tau, divisor=divisor)
            # Gradients are averaged over the ranks.
            (loss * (self._ranks.size * self._loss_scale)).backward()
            loss_sum += loss.item()
            rho_sum += (rho.detach() * here).abs().sum().item()
        return torch.tensor([loss_sum, rho_sum], dtype=torch.float64)

    def _first_seen(self, share: _Share, reference: Tensor, entropy: Tensor, rollouts: int, gaps: GapOfBatch) -> _Seen:
        gap = sampler_gap(reference, share.micro)
        near = near_the_sampler(gap, share.micro.rollout, rollouts, self._config.gap_limit)
        if share.counts:
            gaps.add(gap, entropy)
        pulls = truncated_weights(gap) if self._config.sampler_correction == "token_truncate" else None
        return _Seen(reference, near if share.counts else torch.zeros_like(near), pulls)

    def _clipped(self) -> float:
        if self._loss_scale != 1.0:
            for parameter in self._parameters:
                if parameter.grad is not None:
                    parameter.grad.div_(self._loss_scale)
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._config.max_gradient_norm)
        return (norm.full_tensor() if isinstance(norm, DTensor) else norm).item()
