"""The one mapping from an item's `kind` to what parses and scores it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rewards.code.item import CodeItem, code_item
from rewards.code.reward import CodeReward
from rewards.evidence import CodeEvidence, MathEvidence
from rewards.math.item import MathItem, math_item
from rewards.math.labels import labels
from rewards.math.reward import MathReward
from rewards.reward import NotJudged, Reward, from_wire

if TYPE_CHECKING:
    from engine.engine import Engine


class CodeScorer:
    """Items of kind "code"; whether an item's image has its language shows when it is run."""

    kind: Final = "code"
    evidence: Final = CodeEvidence
    parse = staticmethod(code_item)

    async def score(
        self, parsed: CodeItem, engine: Engine, *, client: str, deadline_seconds: float | None
    ) -> dict[str, Any]:
        """See `CodeReward.score`."""
        reward = CodeReward(engine, client=client, deadline_seconds=deadline_seconds)
        return (await reward.score(parsed)).to_wire()


class MathScorer:
    """Items of kind "math"; no program runs."""

    kind: Final = "math"
    evidence: Final = MathEvidence
    parse = staticmethod(math_item)
    labels = staticmethod(labels)

    async def score(
        self, parsed: MathItem, engine: Engine, *, client: str, deadline_seconds: float | None
    ) -> dict[str, Any]:
        """See `MathReward.score`."""
        return (await MathReward().score(parsed)).to_wire()


SCORERS: Final[dict[str, CodeScorer | MathScorer]] = {scorer.kind: scorer for scorer in (CodeScorer(), MathScorer())}


def reward_of(answer: dict[str, Any], kind: object) -> Reward | NotJudged:
    """The reward in an answer to an item of that kind; raises msgspec.ValidationError if there is none in it."""
    scorer = SCORERS.get(kind) if isinstance(kind, str) else None
    return from_wire(answer, None if scorer is None else scorer.evidence)
