"""open-instruct: a verifier for its `reward_fn_mapping`, or a daemon's `/test_program` as `--code_api_url`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rewards.adapters.samples import ask, ask_blocking, item_of_label, number, verdict
from rewards.reward import NotJudged, Reward


@dataclass(frozen=True, kw_only=True)
class VerificationResult:
    """As open-instruct's own: `score` 0 to 1, the verdict as `reasoning`."""

    score: float
    cost: float = 0.0
    reasoning: str | None = None


class AssayVerifier:
    """As open-instruct's VerifierFunction: called, or awaited by `async_call`, with a prediction and its label.

    Both raise BadInput for a wrong label, and SandboxError where there is no reward: open-instruct knows no missing
    one. `item_of_label` says what a label is.
    """

    name = "assay"
    weight = 1.0

    def __call__(
        self,
        tokenized_prediction: list[int],
        prediction: str,
        label: Any,
        query: str | None = None,
        rollout_state: dict[str, Any] | None = None,
    ) -> VerificationResult:
        """The prediction's reward."""
        item = item_of_label(label, prediction)
        return _result(ask_blocking(lambda client: client.score(item)))

    async def async_call(
        self,
        tokenized_prediction: list[int],
        prediction: str,
        label: Any,
        query: str | None = None,
        rollout_state: dict[str, Any] | None = None,
    ) -> VerificationResult:
        """The same, awaited."""
        item = item_of_label(label, prediction)
        return _result(await ask(lambda client: client.score(item)))


def _result(reward: Reward | NotJudged) -> VerificationResult:
    return VerificationResult(score=number(reward, "the prediction"), reasoning=verdict(reward))
