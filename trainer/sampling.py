"""Which prompts are tried next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainer.types import Prompt


class Sampler:
    """Every prompt once in each epoch, in an order of its own."""

    def __init__(self, prompts: Sequence[Prompt], *, seed: int) -> None:
        self._prompts = list(prompts)
        self._random = np.random.default_rng(seed)
        self._order: list[int] = []

    def take(self, count: int) -> list[Prompt]:
        """The next prompts."""
        while len(self._order) < count:
            self._order += self._random.permutation(len(self._prompts)).tolist()
        taken, self._order = self._order[:count], self._order[count:]
        return [self._prompts[index] for index in taken]
