"""A fault of the grader is one answer's: wrong where its own text brought it about, else not judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine import _native
from engine.errors import SandboxError
from rewards.math.item import math_item
from rewards.math.reward import MathReward, ruled_together
from rewards.reward import Reward

_GRADE_ANSWER = _native.grade_answer


def _breaks_at_7(answers: list[str], reference: str, declared: Any) -> Any:
    if answers == ["7"] or reference == "9":
        raise RuntimeError("index out of bounds")
    return _GRADE_ANSWER(answers, reference, declared)


@pytest.fixture(autouse=True)
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def many(pairs: Sequence[tuple[list[str], str, Any]]) -> list[Any]:
        return [_breaks_at_7(*pair) for pair in pairs]

    monkeypatch.setattr(_native, "grade_answer", _breaks_at_7)
    monkeypatch.setattr(_native, "grade_answers", many)


async def test_where_the_grader_fails_nothing_is_judged() -> None:
    with pytest.raises(SandboxError, match="the grader failed: index out of bounds"):
        await MathReward().score({"completion": r"\boxed{8}", "reference": "9"})


async def test_no_text_buys_that_it_is_not_judged() -> None:
    items = [math_item({"completion": rf"\boxed{{{answer}}}", "reference": "8"}) for answer in (7, 8)]
    wrong, right = (ruling.reward for ruling in ruled_together(items))
    assert isinstance(wrong, Reward)
    assert isinstance(right, Reward)
    assert (wrong.reward, right.reward) == (0.0, 1.0)
    assert "the grader failed over it: index out of bounds" in str(wrong.evidence)
