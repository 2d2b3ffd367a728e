"""Maths rewards: one final answer against one exact number."""

from __future__ import annotations

from typing import Any

from engine.exact import numbers_equal
from engine.flow import off_loop
from engine.program import Verdict
from rewards.completion import Nothing
from rewards.evidence import MathEvidence, shown
from rewards.math.answer import final_answer, kind_of
from rewards.math.item import MathItem, math_item
from rewards.reward import NotJudged, Reward


class MathReward:
    """Grades the last box, or what follows the data set's own marker, as an exact integer, decimal or fraction.

    ACCEPTED        the same number as the reference
    WRONG_ANSWER    another number, no answer, an empty one, several, or text that is no way to write a number
    NotJudged       the reference is no number (whatever the answer), or the answer may be one in another notation
    """

    async def score(self, item: MathItem | dict[str, Any]) -> Reward | NotJudged:
        """The item's reward; raises BadInput for a wrong item."""
        if isinstance(item, dict):
            item = math_item(item)
        return await off_loop(len(item.completion), grade, item)


def grade(item: MathItem) -> Reward | NotJudged:
    """The item's reward, in time linear in the completion."""
    reference = str(item.reference)
    try:
        numbers_equal("0", reference)
    except ValueError:
        return NotJudged(f"the reference {shown(reference)} is not an exact integer, decimal or fraction")
    answer = final_answer(item.completion, item.answer_pattern)
    if isinstance(answer, Nothing):
        return Reward(reward=0.0, verdict=Verdict.WRONG_ANSWER, evidence=MathEvidence(reason=answer.reason))
    same = numbers_equal(answer, reference)
    if same is None and kind_of(answer) == "other notation":
        return NotJudged(f"undecided: the answer {shown(answer)} is not an exact integer, decimal or fraction")
    verdict = Verdict.ACCEPTED if same else Verdict.WRONG_ANSWER
    reason = "the answer is not a number" if same is None else None
    evidence = MathEvidence(answer=shown(answer), reason=reason)
    return Reward(reward=float(bool(same)), verdict=verdict, evidence=evidence)
