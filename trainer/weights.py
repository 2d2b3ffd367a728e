"""A weight sync that is proved: what the engine samples afterwards is what the trainer's weights say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.client.loop_thread import LoopThread
from trainer.errors import StaleWeights
from trainer.progress import Say, silent
from trainer.rollouts import RolloutEngine, Weights, sampled
from trainer.types import Request

_RESPONSES: Final = 4
_TOKENS: Final = 8

# The largest gap between two ways to compute in float32.
_FLOAT32_GAP: Final = 1e-4
# In a short dtype the usual gap is the model's own; it counts for no less than this, for a probe may be of sure tokens.
_SHORT_GAP: Final = 0.05
_TIMES_USUAL: Final = 4
# By so many times nearer to one version than to another: no accident of rounding.
_CLEARLY: Final = 2

_T = TypeVar("_T")


def least_usual_gap(dtype: str) -> float:
    """Between engine and trainer, in a dtype: smaller ones say nothing."""
    return _FLOAT32_GAP if dtype == "float32" else _SHORT_GAP


Distributions = Callable[[Sequence[int], Sequence[Sequence[int]]], list[NDArray[np.float32]]]


class WeightSync:
    """Weights to an engine, and the probe after them.

    The probe is a prompt longer than a block of the engine's cache, so that stale keys and values show. The engine
    samples a few responses to it, with the same seeds each time, and its logprobs have to be the trainer's:

    - in float32 to 1e-4
    - in a short dtype, where the usual gap may be wider than what an update changes, to 4 times the gap of the first
      probe; and they may not be clearly nearer to the last version that the engine has clearly followed. An engine that
      stays behind is found out once the weights have moved by more than rounding does.

    distributions     the trainer's, (prompt, responses) -> float32 [r, vocabulary] of each
    dtype             that the engine computes in
    deadline_seconds  for each step of a sync
    """

    def __init__(
        self,
        engine: RolloutEngine,
        weights: Weights,
        distributions: Distributions,
        prompt: NDArray[np.int32],
        *,
        dtype: str = "float32",
        deadline_seconds: float = 600.0,
        say: Say = silent,
    ) -> None:
        self._say = say
        self.engine = engine
        self._weights = weights
        self._distributions = distributions
        self._prompt = _lengthened(prompt, engine)
        self._exact = dtype == "float32"
        self._least = least_usual_gap(dtype)
        self._usual_gap = 0.0
        self._followed: list[_Response] = []
        self._deadline_seconds = deadline_seconds
        # A step that hangs cannot be interrupted, only left behind on another thread.
        self._thread = LoopThread("assay-trainer-sync")
        self._hangs = False

    def sync(self, version: int) -> float:
        """Load the weights; the probe's largest gap. Nothing may be under way. Raises StaleWeights, RolloutsFailed."""
        self.engine.load(self._weights, version, self._within)
        return self.probe(version)

    def probe(self, version: int) -> float:
        """The largest gap between the engine's and the trainer's logprobs; raises StaleWeights, RolloutsFailed."""
        answer = self._within("the engine's answer to the probe", self._sampled)
        distributions = self._distributions(self._prompt.tolist(), [tokens for tokens, _ in answer])
        responses = [
            _Response(tokens, np.asarray(logprobs, np.float32), ours)
            for (tokens, logprobs), ours in zip(answer, distributions, strict=True)
        ]
        gap = max(float(np.abs(response.logprobs - response.logprobs_by(response)).max()) for response in responses)
        if self._exact:
            self._check(version, gap, self._least)
            return gap
        self._usual_gap = self._usual_gap or max(gap, self._least)
        self._check(version, gap, _TIMES_USUAL * self._usual_gap)
        self._check_follows(version, responses)
        return gap

    def close(self) -> None:
        """Give back the thread; idempotent."""
        if self._thread.running and not self._hangs:
            self._thread.stop()

    def _sampled(self) -> list[tuple[list[int], list[float]]]:
        requests = [
            Request(id=f"probe-{seed}", tokens=self._prompt, max_tokens=_TOKENS, seed=seed)
            for seed in range(_RESPONSES)
        ]
        responses = {key: (tokens, logprobs) for key, tokens, logprobs in sampled(self.engine, requests)}
        return [responses[request.id] for request in requests]

    def _check(self, version: int, gap: float, most: float) -> None:
        # A nan is no small gap.
        if not gap <= most:
            raise _stale(version, f"{gap:.2g} from the trainer's, at most {most:.2g} is usual")

    def _check_follows(self, version: int, responses: list[_Response]) -> None:
        if not self._followed:
            self._followed = responses
            return
        to_new, to_old = _mean_gaps(responses, self._followed)
        if to_new > max(_CLEARLY * to_old, _FLOAT32_GAP):
            nearer = f"{to_new:.2g} from the trainer's in the mean, {to_old:.2g} from those of an earlier version"
            raise _stale(version, nearer)
        if to_old > max(_CLEARLY * to_new, _FLOAT32_GAP):
            self._followed = responses

    def _within(self, what: str, step: Callable[[], _T]) -> _T:
        async def work() -> _T:
            return step()

        self._say("sync", what)
        future = self._thread.submit(work())
        try:
            return future.result(self._deadline_seconds)
        except TimeoutError:
            if future.done():
                raise
            raise StaleWeights(f"waited {self._deadline_seconds:g} s (weights.deadline_seconds) for {what}") from None
        finally:
            # After an interrupt too.
            self._hangs = not future.done()


@dataclass(frozen=True, slots=True, eq=False)
class _Response:
    """What the engine sampled.

    logprobs       the engine's, float32 [r]
    distributions  the trainer's, float32 [r, vocabulary]
    """

    tokens: list[int]
    logprobs: NDArray[np.float32]
    distributions: NDArray[np.float32]

    def logprobs_by(self, other: _Response) -> NDArray[np.float32]:
        """The trainer's at the time of `other`, up to the first token that differs there."""
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self.tokens, other.tokens, strict=False)))
        known = min(same + 1, len(self.tokens), len(other.tokens))
        return other.distributions[np.arange(known), self.tokens[:known]]


def _stale(version: int, are: str) -> StaleWeights:
    why = f"its logprobs of the probe are {are}"
    return StaleWeights(f"the rollout engine does not sample from version {version}: {why}")


def _mean_gaps(responses: list[_Response], earlier: list[_Response]) -> tuple[float, float]:
    """Mean absolute gaps of the engine's logprobs to the trainer's now and to those of then, over the same tokens."""
    to_new, to_old = [], []
    for response, before in zip(responses, earlier, strict=True):
        old = response.logprobs_by(before)
        to_old.append(np.abs(response.logprobs[: len(old)] - old))
        to_new.append(np.abs(response.logprobs - response.logprobs_by(response))[: len(old)])
    return float(np.concatenate(to_new).mean()), float(np.concatenate(to_old).mean())


def _lengthened(prompt: NDArray[np.int32], engine: RolloutEngine) -> NDArray[np.int32]:
    longest = engine.context_tokens - _TOKENS
    wanted = min(longest, max(len(prompt), engine.block_tokens + _TOKENS))
    return np.resize(prompt, wanted)
