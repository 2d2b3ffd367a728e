"""What a judge is asked, and what it can say."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from rewards.evidence import JudgeSaid

Word = Literal["correct", "incorrect"]


class Case(msgspec.Struct, frozen=True):
    """One answer to look at: the extracted one, never the completion. `question` and `reference` are the data set's."""

    question: str | None
    reference: str
    answer: str


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's word on an answer.

    model      which one said it; None: a guard refused the answer, and no model was asked
    words      the end of its reasons, or the guard's
    votes      how many said what, where more than one was asked for
    score      a classifier's, 0 to 1, and `logit` what it is made of
    """

    word: Word
    model: str | None = None
    words: str = ""
    votes: dict[str, int] = {}
    score: float | None = None
    logit: float | None = None

    def said(self) -> JudgeSaid:
        """As evidence."""
        return JudgeSaid(verdict=self.word, model=self.model, words=self.words, votes=self.votes, logit=self.logit)


class NoOpinion(msgspec.Struct, frozen=True):
    """There is none; `fault`: the endpoint's or ours. Else the model answered, but not with a verdict."""

    reason: str
    fault: bool

    def said(self) -> JudgeSaid:
        """As evidence."""
        return JudgeSaid(reason=self.reason)


class JudgeModel(Protocol):
    """Whatever has opinions on answers: `JudgeReward`, `ScalarJudge`."""

    async def opinion(self, case: Case, *, deadline_seconds: float | None = None) -> Opinion | NoOpinion:
        """On one answer, begun within `deadline_seconds`; nothing that the answer says is an error."""
        ...
