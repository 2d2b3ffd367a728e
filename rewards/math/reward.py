"""Maths rewards: one final answer against one reference, equal or different by proof."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Final

from engine.exact import grade as graded
from engine.flow import off_loop
from engine.program import Verdict
from rewards.completion import Nothing
from rewards.evidence import MathEvidence, shown
from rewards.math.answer import final_answer, marked_answer
from rewards.math.item import MathItem, math_item
from rewards.reward import NotJudged, Reward

_BOXES: Final = ("\\boxed", "\\fbox")


class MathReward:
    """Grades the last box, or what follows the data set's own marker, by the type of the reference.

    ACCEPTED        proved equal; the evidence says how
    WRONG_ANSWER    proved different, of another type, no answer, several, unevaluated, too large: the evidence says why
    NotJudged       nothing can be judged against the reference, whatever the answer; or a value so near to it that no
                    proof speaks either way
    """

    async def score(self, item: MathItem | dict[str, Any]) -> Reward | NotJudged:
        """The item's reward; raises BadInput for a wrong item."""
        if isinstance(item, dict):
            item = math_item(item)
        return await off_loop(len(item.completion), grade, item)


def grade(item: MathItem) -> Reward | NotJudged:
    """The item's reward, in time linear in the completion and at most about 20 ms beyond."""
    reference = reference_text(item)
    if isinstance(reference, Nothing):
        return _undecided(item, None, reference.reason)
    answers = final_answer(item.completion, item.answer_pattern, item.thinking)
    declared = item.declared()
    if isinstance(answers, Nothing):
        # Whether the reference can be judged against does not depend on the answer.
        verdict, _, why = graded([], reference, declared)
        if verdict == "undecided":
            return _undecided(item, None, why)
        return _wrong(MathEvidence(reason=answers.reason))
    verdict, how, reason = graded([_unicode(answer) for answer in answers], _unicode(reference), declared)
    answer = shown(" ".join(answers))
    if verdict == "correct":
        return Reward(reward=1.0, verdict=Verdict.ACCEPTED, evidence=MathEvidence(answer=answer, how=how))
    if verdict == "undecided":
        return _undecided(item, answer, reason)
    return _wrong(MathEvidence(answer=answer, reason=reason))


def _wrong(evidence: MathEvidence) -> Reward:
    return Reward(reward=0.0, verdict=Verdict.WRONG_ANSWER, evidence=evidence)


def _undecided(item: MathItem, answer: str | None, why: str | None) -> Reward | NotJudged:
    if item.undecided == "zero":
        return _wrong(MathEvidence(answer=answer, reason=f"undecided: {why}"))
    if why == "open":
        return NotJudged(f"undecided: no proof that {answer!r} is, or is not, {shown(item.reference)}")
    return NotJudged(f"undecided: the reference {shown(item.reference)}: {why}")


def _unicode(text: str) -> str:
    """Without lone surrogates, which no UTF-8 has: none of them has a place in a formula either."""
    return text.encode("utf-8", "replace").decode()


def reference_text(item: MathItem) -> str | Nothing:
    """The reference's own text; data sets also have it in a box, or at the end of a solution."""
    if isinstance(item.reference, float):
        # Its shortest digits, never an exponent; a whole number has no places that were measured.
        return format(Decimal(repr(item.reference)), "f") if math.isfinite(item.reference) else Nothing("not finite")
    text = str(item.reference)
    for marker in (item.answer_pattern, None):
        if (marker is not None and marker in text) or (marker is None and any(box in text for box in _BOXES)):
            found = marked_answer(text, marker)
            if isinstance(found, Nothing):
                return found
            return found[0] if len(found) == 1 else Nothing("several boxes")
    return _unicode(text)
