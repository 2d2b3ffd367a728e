"""Maths rewards: one final answer against one reference, equal or different by proof."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from engine.exact import Declared, Graded
from engine.exact import grade as graded
from engine.exact import grade_many as graded_many
from engine.flow import off_loop
from engine.program import Verdict
from rewards.answer import final_answer, marked_answer
from rewards.completion import Nothing
from rewards.evidence import MathEvidence, shown
from rewards.judge.opinion import Case, JudgeModel, NoOpinion
from rewards.judge.reward import no_judge, rewarded
from rewards.math.item import MathItem, math_item
from rewards.reward import NotJudged, Reward

_BOXES: Final = ("\\boxed", "\\fbox")
# What GSM8K's last line begins with, and no formula.
_LAST_LINE: Final = "####"


class MathReward:
    """Grades the last box, or what follows the data set's own marker, by the type of the reference.

    judge   a model that is asked where the rules leave open what is right, of items that say `judge`

    ACCEPTED        proved equal; the evidence says how
    WRONG_ANSWER    proved different, of another type, no answer, several, unevaluated, too large: the evidence says why
    NotJudged       nothing can be judged against the reference, whatever the answer; or a value so near to it that no
                    proof speaks either way; and no judge has a word on it
    """

    def __init__(self, judge: JudgeModel | None = None) -> None:
        self._judge = judge

    async def score(
        self, item: MathItem | dict[str, Any], *, deadline_seconds: float | None = None
    ) -> Reward | NotJudged:
        """The item's reward; raises BadInput for a wrong item, or one that wants a judge where there is none."""
        if isinstance(item, dict):
            item = math_item(item)
        if item.judge and self._judge is None:
            raise no_judge("judge", item.judge)
        ruling = await off_loop(len(item.completion), ruled, item)
        if self._judge is None or not item.judge or (ruling.reward is not None and item.judge != "always"):
            return settled(item, ruling)
        return await _with_judge(self._judge, item, ruling, deadline_seconds)


class Ruling(NamedTuple):
    """What the rules say: a reward, or None and `why` not; `answer` as it was found, before it is cut."""

    answer: str | Nothing
    reward: Reward | None = None
    why: str | None = None


def grade(item: MathItem) -> Reward | NotJudged:
    """The item's reward by the rules, in time linear in the completion and at most about 20 ms beyond."""
    return settled(item, ruled(item))


def ruled(item: MathItem) -> Ruling:
    """What the rules say of an item."""
    pair = _pair(item)
    return pair if isinstance(pair, Ruling) else _ruling(pair, graded(pair.texts, pair.reference, pair.declared))


def ruled_together(items: Sequence[MathItem]) -> list[Ruling]:
    """The same of many, all graded in one stretch without the GIL."""
    pairs = [_pair(item) for item in items]
    verdicts = iter(graded_many([pair[:3] for pair in pairs if isinstance(pair, _Pair)]))
    return [pair if isinstance(pair, Ruling) else _ruling(pair, next(verdicts)) for pair in pairs]


class _Pair(NamedTuple):
    """What is graded: the texts of an answer, none where there is no answer, against a reference."""

    texts: Sequence[str]
    reference: str
    declared: Declared
    answer: str | Nothing


def _pair(item: MathItem) -> _Pair | Ruling:
    answers = final_answer(item.completion, item.answer_pattern, item.thinking)
    answer = answers if isinstance(answers, Nothing) else " ".join(answers)
    reference = reference_text(item)
    if isinstance(reference, Nothing):
        return Ruling(answer, why=reference.reason)
    # Whether the reference can be judged against does not depend on the answer.
    texts = [] if isinstance(answers, Nothing) else [_unicode(each) for each in answers]
    return _Pair(texts, _unicode(reference), item.declared(), answer)


def _ruling(pair: _Pair, found: Graded) -> Ruling:
    answer = pair.answer
    verdict, how, reason = found
    if verdict == "undecided":
        return Ruling(answer, why=reason)
    if isinstance(answer, Nothing):
        return Ruling(answer, _wrong(MathEvidence(reason=answer.reason)))
    if verdict == "correct":
        evidence = MathEvidence(answer=shown(answer), how=how)
        return Ruling(answer, Reward(reward=1.0, verdict=Verdict.ACCEPTED, evidence=evidence))
    return Ruling(answer, _wrong(MathEvidence(answer=shown(answer), reason=reason)))


def settled(item: MathItem, ruling: Ruling) -> Reward | NotJudged:
    """What becomes of it without a judge."""
    if ruling.reward is not None:
        return ruling.reward
    answer = None if isinstance(ruling.answer, Nothing) else shown(ruling.answer)
    if item.undecided == "zero":
        return _wrong(MathEvidence(answer=answer, reason=f"undecided: {ruling.why}"))
    return NotJudged(_undecided(item, answer, ruling.why))


async def _with_judge(
    judge: JudgeModel, item: MathItem, ruling: Ruling, deadline_seconds: float | None
) -> Reward | NotJudged:
    """A proved verdict stands, with the judge's beside it; where there is none, the judge's counts."""
    found = reference_text(item)
    reference = str(item.reference) if isinstance(found, Nothing) else found
    if not reference.strip():
        return settled(item, ruling)
    if isinstance(ruling.answer, Nothing):
        return ruling.reward or _wrong(MathEvidence(reason=ruling.answer.reason))
    opinion = await judge.opinion(Case(item.question, reference, ruling.answer), deadline_seconds=deadline_seconds)
    if ruling.reward is not None:
        assert isinstance(ruling.reward.evidence, MathEvidence)
        evidence = msgspec.structs.replace(ruling.reward.evidence, judge=opinion.said())
        return msgspec.structs.replace(ruling.reward, evidence=evidence)
    evidence = MathEvidence(answer=shown(ruling.answer), judge=opinion.said())
    if isinstance(opinion, NoOpinion):
        why = f"{_undecided(item, evidence.answer, ruling.why)}; {opinion.reason}"
        if item.undecided == "zero" and not opinion.fault:
            return _wrong(msgspec.structs.replace(evidence, reason=why))
        return NotJudged(why)
    by = {"how": "judge"} if opinion.word == "correct" else {"reason": "judge"}
    return rewarded(opinion, msgspec.structs.replace(evidence, **by))


def _wrong(evidence: MathEvidence) -> Reward:
    return Reward(reward=0.0, verdict=Verdict.WRONG_ANSWER, evidence=evidence)


def _undecided(item: MathItem, answer: str | None, why: str | None) -> str:
    if why == "open":
        return f"undecided: no proof that {answer!r} is, or is not, {shown(item.reference)}"
    return f"undecided: the reference {shown(item.reference)}: {why}"


def _unicode(text: str) -> str:
    """Without lone surrogates, which no UTF-8 has: none of them has a place in a formula either."""
    return text.encode("utf-8", "replace").decode()


def reference_text(item: MathItem) -> str | Nothing:
    """The reference's own text; data sets also have it in a box, or at the end of a solution, as `#### 72`."""
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
    last = text.rstrip().rpartition("\n")[2].strip()
    return _unicode(last.removeprefix(_LAST_LINE).strip() or text if last.startswith(_LAST_LINE) else text)
