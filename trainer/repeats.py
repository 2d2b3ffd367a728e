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

    def repeating(self, outputs: Sequence[Output]) -> set[str]:
        """The ids of those that repeat themselves from these tokens on."""
        told = self._feed(
            [output.id for output in outputs],
            [output.tokens for output in outputs],
            [output.logprobs for output in outputs],
        )
        names = {self._sequences[output.id]: output.id for output in outputs}
        return {names[sequence] for sequence in told}

    def restore(self, rollout: Rollout) -> None:
        """Read what another process generated of an open rollout."""
        logprobs = [number for segment in rollout.segments for number in segment.logprobs.tolist()]
        self._feed([rollout.id], [rollout.tokens.tolist()], [logprobs])

    def forget(self, ids: Iterable[str]) -> None:
        """They are over."""
        for name in ids:
            if (sequence := self._sequences.pop(name, None)) is not None:
                self._detector.close(sequence)

    def _feed(self, ids: list[str], tokens: list[list[int]], logprobs: list[list[float]]) -> list[int]:
        for name in ids:
            if name not in self._sequences:
                self._sequences[name] = self._detector.open()
        sequences = np.array([self._sequences[name] for name in ids], np.int64)
        offsets = np.cumsum([0, *map(len, tokens)])
        told = self._detector.feed(
            sequences,
            np.array([token for part in tokens for token in part], np.int64),
            offsets,
            np.array([number for part in logprobs for number in part], np.float32),
        )
        return [sequence for sequence, _ in told]
