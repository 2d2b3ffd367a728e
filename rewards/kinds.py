"""The one mapping from an item's `kind` to what parses and scores it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from rewards.code.item import CodeItem, code_item
from rewards.code.reward import CodeReward
from rewards.evidence import CodeEvidence, JudgeEvidence, MathEvidence
from rewards.judge.item import JudgeItem, judge_item
from rewards.judge.opinion import JudgeModel
from rewards.judge.reward import judged, no_judge
from rewards.math.item import MathItem, math_item
from rewards.math.labels import labels
from rewards.math.reward import MathReward, ruled_together, settled
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
    runs_programs: Final = False
    evidence: Final = MathEvidence
    labels = staticmethod(labels)

    def __init__(self, judge: JudgeModel | None) -> None:
        self._judge = judge

    def parse(self, item: dict[str, Any]) -> MathItem:
        """See `math_item`; without a judge an item that wants one is refused before anything runs."""
        parsed = math_item(item)
        if parsed.judge and self._judge is None:
            raise no_judge("judge", parsed.judge)
        return parsed

    async def score(
        self, parsed: MathItem, engine: Engine, *, client: str, deadline_seconds: float | None
    ) -> dict[str, Any]:
        """See `MathReward.score`."""
        return (await MathReward(self._judge).score(parsed, deadline_seconds=deadline_seconds)).to_wire()

    def score_together(self, parsed: Sequence[MathItem]) -> list[dict[str, Any] | None]:
        """The answers by the rules; None where a judge model has to be asked, or might be."""
        ruled = zip(parsed, ruled_together(parsed), strict=True)
        return [None if item.judge else settled(item, ruling).to_wire() for item, ruling in ruled]


class JudgeScorer:
    """Items of kind "judge"; no program runs."""

    kind: Final = "judge"
    runs_programs: Final = False
    evidence: Final = JudgeEvidence

    def __init__(self, judge: JudgeModel | None) -> None:
        self._judge = judge

    def parse(self, item: dict[str, Any]) -> JudgeItem:
        """See `judge_item`; without a judge every item is refused."""
        if self._judge is None:
            raise no_judge("kind", self.kind)
        return judge_item(item)

    async def score(
        self, parsed: JudgeItem, engine: Engine, *, client: str, deadline_seconds: float | None
    ) -> dict[str, Any]:
        """See `judged`."""
        if self._judge is None:
            raise no_judge("kind", self.kind)
        return (await judged(self._judge, parsed, deadline_seconds)).to_wire()


AnyScorer = CodeScorer | MathScorer | JudgeScorer


def scorers(judge: JudgeModel | None = None) -> dict[str, AnyScorer]:
    """The scorers of all kinds; without a judge, items that need one are refused when they are parsed."""
    found: tuple[AnyScorer, ...] = (CodeScorer(), MathScorer(judge), JudgeScorer(judge))
    return {scorer.kind: scorer for scorer in found}


SCORERS: Final = scorers()
# How an item is checked away from the daemon, which alone knows whether it has a judge.
ITEMS: Final[dict[str, Callable[[dict[str, Any]], object]]] = {
    CodeScorer.kind: code_item,
    MathScorer.kind: math_item,
    JudgeScorer.kind: judge_item,
}


def reward_of(answer: dict[str, Any], kind: object) -> Reward | NotJudged:
    """The reward in an answer to an item of that kind; raises msgspec.ValidationError if there is none in it."""
    scorer = SCORERS.get(kind) if isinstance(kind, str) else None
    return from_wire(answer, None if scorer is None else scorer.evidence)
