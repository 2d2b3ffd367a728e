"""Maths rewards: one final answer against one exact number."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from engine.exact import numbers_equal
from engine.flow import off_loop
from engine.program import Verdict
from rewards.completion import Nothing
from rewards.evidence import MathEvidence, shown
from rewards.math.answer import final_answer, kind_of, marked_answer, undressed
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
    reference = _reference(item)
    if reference is None:
        return NotJudged(f"the reference {shown(item.reference)} is not an exact integer, decimal or fraction")
    answer = final_answer(item.completion, item.answer_pattern, item.thinking)
    if isinstance(answer, Nothing):
        return Reward(reward=0.0, verdict=Verdict.WRONG_ANSWER, evidence=MathEvidence(reason=answer.reason))
    same = numbers_equal(answer, reference)
    if same is None:
        same = numbers_equal(undressed(answer), reference)
    if same is None and kind_of(answer) == "other notation":
        return NotJudged(f"undecided: the answer {shown(answer)} is not an exact integer, decimal or fraction")
    verdict = Verdict.ACCEPTED if same else Verdict.WRONG_ANSWER
    reason = "the answer is not a number" if same is None else None
    evidence = MathEvidence(answer=shown(answer), reason=reason)
    return Reward(reward=float(bool(same)), verdict=verdict, evidence=evidence)


def _reference(item: MathItem) -> str | None:
    """The reference as an exact number; data sets also have it in a box, or at the end of a solution."""
    if isinstance(item.reference, float):
        # Its shortest digits, never an exponent.
        return format(Decimal(repr(item.reference)), "f") if math.isfinite(item.reference) else None
    text = str(item.reference)
    if _is_number(text):
        return text
    for marker in (None, item.answer_pattern):
        answer = marked_answer(text, marker)
        if isinstance(answer, str) and _is_number(answer):
            return answer
    return None


def _is_number(text: str) -> bool:
    try:
        numbers_equal("0", text)
    except ValueError:
        return False
    return True
