"""A fault of the grader is that of one answer, and never a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine import _native
from engine.errors import SandboxError
from rewards.math.reward import MathReward
from rewards.reward import Reward

_GRADE_ANSWER = _native.grade_answer


def _breaks_at_7(answers: list[str], reference: str, declared: Any) -> Any:
    if answers == ["7"]:
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
        await MathReward().score({"completion": r"\boxed{7}", "reference": "7"})
    reward = await MathReward().score({"completion": r"\boxed{8}", "reference": "8"})
    assert isinstance(reward, Reward)
