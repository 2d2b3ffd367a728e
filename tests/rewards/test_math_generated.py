"""Thousands of right answers written otherwise, and of wrong ones with one thing changed, over all types."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from engine.exact import Graded, grade
from rewards.math.item import math_item
from tests.rewards.test_math_golden import ROWS
from tests.support.math_shapes import SHAPES, right, wrong
from tests.support.math_shapes.shape import Case

RIGHT, WRONG = 5_000, 2_000
SEED = 20_26


def judged(case: Case) -> Graded:
    item = math_item({"completion": "", "reference": case.reference, **case.shape.options})
    return grade([case.answer], case.reference, item.declared())


def shown(case: Case, graded: Graded) -> str:
    return f"{case.shape.type}, {case.shape.name}: {case.reference} and {case.answer}: {graded}"


def check_right(seed: int, count: int) -> None:
    """99 % are correct, and none is undecided; what is not is listed."""
    random = Random(seed)
    failed: Counter[str] = Counter()
    lines = []
    for _ in range(count):
        case = right(random)
        graded = judged(case)
        if graded.verdict != "correct":
            failed[f"{case.shape.type}, {case.shape.name}: {graded.verdict}"] += 1
            lines.append(shown(case, graded))
    assert not any("undecided" in kind for kind in failed), lines
    assert failed.total() <= count // 100, (failed, lines[:40])


def check_wrong(seed: int, count: int) -> None:
    """None is accepted, and none is undecided."""
    random = Random(seed)
    cases = [wrong(random) for _ in range(count)]
    bad = [shown(case, graded) for case in cases if (graded := judged(case)).verdict != "incorrect"]
    assert bad == []


def test_right_answers_written_otherwise_are_right() -> None:
    check_right(SEED, RIGHT)


def test_no_answer_with_one_thing_changed_is_accepted() -> None:
    check_wrong(SEED, WRONG)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
def test_more_of_both(seed: int) -> None:
    check_right(seed, 5 * RIGHT)
    check_wrong(seed, 5 * WRONG)


def test_every_type_of_the_table_is_generated() -> None:
    others = {"extraction", "cheat", "undecided"}
    assert {shape.type for shape in SHAPES} == {row["type"] for row in ROWS} - others
