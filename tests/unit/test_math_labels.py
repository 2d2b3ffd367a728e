"""Labels of the counter of maths answers: the right one, and one of few whatever was answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.math.item import MathItem
from rewards.math.labels import HOWS, REASONS, labels
from rewards.math.reward import grade


@pytest.mark.parametrize(
    ("completion", "reference", "found"),
    [
        ("\\boxed{5}", "5", ("correct", "literal", "")),
        ("\\boxed{\\frac{10}{2}}", "5", ("correct", "exact", "")),
        ("\\boxed{6}", "5", ("incorrect", "", "different")),
        ("\\boxed{5}", "\\{5, 6\\}", ("incorrect", "", "different")),
        ("\\boxed{5(}", "5", ("incorrect", "", "unparsable")),
        ("\\boxed{2+3}", "5", ("incorrect", "", "unevaluated")),
        ("\\boxed{9^{9^9}}", "5", ("incorrect", "", "too large")),
        ("\\boxed{5 or 6}", "5", ("incorrect", "", "several answers")),
        ("5", "5", ("incorrect", "", "no answer")),
        ("<think>\\boxed{5}", "5", ("incorrect", "", "no answer")),
        ("\\boxed{", "5", ("incorrect", "", "no answer")),
        ("\\boxed{5}", "See the figure.", ("undecided", "", "reference")),
        ("\\boxed{5}", "", ("undecided", "", "reference")),
    ],
)
def test_labels(completion: str, reference: str, found: tuple[str, str, str]) -> None:
    item = MathItem(completion=completion, reference=reference)
    assert labels(grade(item).to_wire()) == found
    zero = MathItem(completion=completion, reference=reference, undecided="zero")
    assert labels(grade(zero).to_wire()) == found


@given(st.text(), st.text(), st.sampled_from([None, "zero"]))
def test_labels_are_few(answer: str, reference: str, undecided: str | None) -> None:
    for completion in (answer, f"\\boxed{{{answer}}}"):
        item = MathItem(completion=completion, reference=reference, undecided="zero" if undecided else None)
        verdict, how, reason = labels(grade(item).to_wire())
        assert verdict in ("correct", "incorrect", "undecided")
        assert how in ("", *HOWS)
        assert reason in ("", *REASONS)
