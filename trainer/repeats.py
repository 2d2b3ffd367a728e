"""Rollouts that repeat themselves, found while they are generated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from engine.repeat import RepeatDetector, RepeatRules
from trainer.types import Output, Rollout


class RepeatWatch:
    """Reads along with every open rollout, one call for all of a step's tokens."""

    def __init__(self, rules: RepeatRules) -> None:
        self._detector = RepeatDetector(rules)
        self._sequences: dict[str, int] = {}

    def repeating(self, outputs: Sequence[Output]) -> dict[str, int]:
        """Those that repeat themselves from these tokens on: by id, how many tokens the rollout had when it showed."""
        for output in outputs:
            if output.id not in self._sequences:
                self._sequences[output.id] = self._detector.open()
        names = {self._sequences[output.id]: output.id for output in outputs}
        told = self._detector.feed(
            np.array([self._sequences[output.id] for output in outputs], np.int64),
            np.array([token for output in outputs for token in output.tokens], np.int64),
            np.cumsum([0, *(len(output.tokens) for output in outputs)]),
            np.array([number for output in outputs for number in output.logprobs], np.float32),
        )
        return {names[sequence]: repeat.at for sequence, repeat in told}

    def restore(self, rollout: Rollout) -> None:
        """Read what an open rollout has from before, in another process or of an engine that died."""
        self.forget([rollout.id])
        logprobs = [number for segment in rollout.segments for number in segment.logprobs.tolist()]
        self.repeating([Output(id=rollout.id, tokens=rollout.tokens.tolist(), logprobs=logprobs)])

    def forget(self, ids: Iterable[str]) -> None:
        """They are over."""
        for name in ids:
            if (sequence := self._sequences.pop(name, None)) is not None:
                self._detector.close(sequence)
