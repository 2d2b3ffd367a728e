"""Which prompts are tried next: easy to hard, then those that the policy fails at (k1.5, section 2.3.4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from engine.errors import BadInput
from trainer.tables import SamplingConfig
from trainer.types import Group, Prompt


class Sampler:
    """Prompts in the configured order; it is where it was with the same `drawn`, `left` and `success`.

    drawn    prompts that were given out
    left     ids of those that are still to come in this epoch, in their order; empty at its end
    success  rate of right answers by prompt id, of those that were tried: newer ones count more

    Raises BadInput for a curriculum without difficulties.
    """

    def __init__(
        self,
        config: SamplingConfig,
        prompts: Sequence[Prompt],
        *,
        seed: int,
        drawn: int = 0,
        left: Sequence[str] = (),
        success: Mapping[str, float] | None = None,
    ) -> None:
        self._config = config
        self._prompts = list(prompts)
        self._seed = seed
        self.drawn = drawn
        self.success = dict(success or {})
        places = {prompt.id: place for place, prompt in enumerate(self._prompts)}
        self._left = [places[name] for name in left if name in places]
        for prompt in self._prompts:
            if config.order == "curriculum" and prompt.difficulty is None:
                raise BadInput("sampling.order", "curriculum", f"prompt {prompt.id} has no difficulty")

    @property
    def left(self) -> list[str]:
        """See the class."""
        return [self._prompts[place].id for place in self._left]

    def take(self, count: int) -> list[Prompt]:
        """The next prompts; none twice, if there are as many."""
        begin, self.drawn = self.drawn, self.drawn + count
        ends = {"uniform": math.inf, "curriculum": len(self._prompts), "failure": 0}
        in_order = int(min(count, max(0, ends[self._config.order] - begin)))
        taken: list[int] = []
        while len(taken) < in_order:
            epoch, done = divmod(begin + len(taken), len(self._prompts))
            if not self._left:
                self._left = self._shuffled(epoch)[done:]
            # What is taken of one epoch comes later in the next.
            again = set(taken) if count <= len(self._prompts) else set()
            chosen = [place for place in self._left if place not in again][: in_order - len(taken)]
            if not chosen:
                # There were other prompts when the checkpoint was made, and all that is left has been taken.
                self._left = self._shuffled(epoch + 1)
                continue
            gone = set(chosen)
            self._left = [place for place in self._left if place not in gone]
            taken += chosen
        taken += self._by_failure(begin, count - in_order, taken)
        return [self._prompts[place] for place in taken]

    def observe(self, groups: Iterable[Group]) -> None:
        """Learn the groups' success rates."""
        for group in groups:
            if not group.rollouts:
                continue
            rate = sum(rollout.parts["correct"] for rollout in group.rollouts) / len(group.rollouts)
            before = self.success.get(group.prompt.id, rate)
            self.success[group.prompt.id] = self._config.decay * before + (1 - self._config.decay) * rate

    def _shuffled(self, epoch: int) -> list[int]:
        order: list[int] = np.random.default_rng((self._seed, epoch)).permutation(len(self._prompts)).tolist()
        if self._config.order == "curriculum":
            # Stable: prompts of one difficulty stay shuffled.
            order.sort(key=lambda place: self._prompts[place].difficulty or 0.0)
        return order

    def _by_failure(self, begin: int, count: int, taken: Sequence[int]) -> list[int]:
        """In proportion to 1 - s; what was never tried counts as failed. None of `taken`, if there are as many."""
        if not count:
            return []
        weights = np.array([1 - self.success.get(prompt.id, 0.0) for prompt in self._prompts])
        weights = weights.clip(self._config.floor)
        twice = len(taken) + count > len(self._prompts)
        if not twice:
            weights[list(taken)] = 0.0
        # A second word beside the seed, which epochs do not use.
        random = np.random.default_rng((self._seed, begin, 1))
        chosen: list[int] = random.choice(len(self._prompts), count, replace=twice, p=weights / weights.sum()).tolist()
        return chosen
