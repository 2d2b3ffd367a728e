"""Which prompts are tried next: easy to hard, then those that the policy fails at (k1.5, section 2.3.4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from engine.errors import BadInput
from trainer.tables import SamplingConfig
from trainer.types import Group, Prompt


class Sampler:
    """Prompts in the configured order; it is where it was with the same `drawn` and `success`.

    drawn    prompts that were given out
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
        success: Mapping[str, float] | None = None,
    ) -> None:
        self._config = config
        self._prompts = list(prompts)
        self._seed = seed
        self.drawn = drawn
        self.success = dict(success or {})
        self._epoch, self._order = -1, list[int]()
        for prompt in self._prompts:
            if config.order == "curriculum" and prompt.difficulty is None:
                raise BadInput("sampling.order", "curriculum", f"prompt {prompt.id} has no difficulty")

    def take(self, count: int) -> list[Prompt]:
        """The next prompts; none twice, if there are as many."""
        begin, self.drawn = self.drawn, self.drawn + count
        ends = {"uniform": math.inf, "curriculum": len(self._prompts), "failure": 0}
        in_order = int(min(count, max(0, ends[self._config.order] - begin)))
        taken = [self._at(index) for index in range(begin, begin + in_order)]
        return taken + self._by_failure(begin, count - in_order)

    def observe(self, groups: Iterable[Group]) -> None:
        """Learn the groups' success rates."""
        for group in groups:
            if not group.rollouts:
                continue
            rate = sum(rollout.parts["correct"] for rollout in group.rollouts) / len(group.rollouts)
            before = self.success.get(group.prompt.id, rate)
            self.success[group.prompt.id] = self._config.decay * before + (1 - self._config.decay) * rate

    def _at(self, index: int) -> Prompt:
        epoch, place = divmod(index, len(self._prompts))
        if epoch != self._epoch:
            self._epoch = epoch
            shuffled = np.random.default_rng((self._seed, epoch)).permutation(len(self._prompts)).tolist()
            if self._config.order == "curriculum":
                # Stable: prompts of one difficulty stay shuffled.
                shuffled.sort(key=lambda place: self._prompts[place].difficulty)
            self._order = shuffled
        return self._prompts[self._order[place]]

    def _by_failure(self, begin: int, count: int) -> list[Prompt]:
        """In proportion to 1 - s; what was never tried counts as failed."""
        if not count:
            return []
        weights = np.array([1 - self.success.get(prompt.id, 0.0) for prompt in self._prompts])
        weights = weights.clip(self._config.floor)
        # A second word beside the seed, which epochs do not use.
        random = np.random.default_rng((self._seed, begin, 1))
        twice = count > len(self._prompts)
        chosen = random.choice(len(self._prompts), count, replace=twice, p=weights / weights.sum())
        return [self._prompts[place] for place in chosen]
