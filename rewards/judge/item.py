"""Items of kind "judge" as they arrive."""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import msgspec

from engine.errors import BadInput
from rewards.answer import final_answer
from rewards.completion import Nothing, Thinking
from rewards.item import check_marker, checked

_MAX_CHARS: Final = 100_000


class JudgeItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    r"""An answer that a model compares with `reference`.

    question         what was asked
    reference        the right answer, in any words
    completion       the model's text, of which the judge sees the final answer alone
    answer           or that answer itself
    answer_pattern   the literal text before the answer in the completion (`A:`, `####`); None: `\boxed{}`
    thinking         "opened": the prompt opened the thinking, so that without an end of it there is no answer
    undecided        "zero": an answer after which the judge says no verdict is a reward of 0 rather than not judged
    """

    question: str
    reference: str | int | float
    kind: Literal["judge"] = "judge"
    id: str | int | None = None
    completion: str | None = None
    answer: str | None = None
    answer_pattern: str | None = None
    thinking: Thinking = "auto"
    undecided: Literal["zero"] | None = None

    def final_answer(self) -> str | Nothing:
        """What the judge is to look at."""
        if self.answer is not None:
            return self.answer
        answers = final_answer(self.completion or "", self.answer_pattern, self.thinking)
        return answers if isinstance(answers, Nothing) else " ".join(answers)


def judge_item(item: dict[str, Any]) -> JudgeItem:
    """The item, checked; raises BadInput naming the field."""
    fields = checked(item, JudgeItem)
    if isinstance(fields.reference, float) and not math.isfinite(fields.reference):
        raise BadInput("reference", fields.reference, "expected a finite number or text")
    for name, text in (("question", fields.question), ("reference", str(fields.reference))):
        if not text.strip() or len(text) > _MAX_CHARS:
            raise BadInput(name, text, f"expected text of at most {_MAX_CHARS:,} characters")
    if (fields.completion is None) == (fields.answer is None):
        raise BadInput("completion", fields.completion, "expected completion or answer, one of the two")
    check_marker(fields.answer_pattern)
    return fields
