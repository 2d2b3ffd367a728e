from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Verdict
from engine._native import numbers_equal
from rewards import MathReward, NotJudged, Reward
from rewards.cli.tally import verdict_name
from rewards.data.datasets import gsm8k
from rewards.math.item import MathItem
from rewards.math.reward import grade
from tests.support.evidence import math_evidence


def graded(answer: str, reference: str | float = "42") -> Reward | NotJudged:
    return grade(MathItem(completion=f"\\boxed{{{answer}}}", reference=reference))


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("42", "42"),
        ("42", 42),
        ("42.0", "42"),
        ("0.5", r"\frac{1}{2}"),
        ("1,000", "1000"),
        (r"\$5", "5"),
        ("7/14", "1/2"),
        ("27", 27.0),
        ("0.00000001", 1e-8),
        ("0.1", 0.1),
        ("1" + "0" * 22, 1e22),
        ("$42$.", "42"),
        ("**42**", "42"),
        (r"\frac{3}{4}.", "0.75"),
        ("42", r"\boxed{42}"),
        ("42", r"So it is $\boxed{42}$."),
    ],
)
def test_the_same_number_is_accepted(answer: str, reference: str | float) -> None:
    reward = graded(answer, reference)
    assert isinstance(reward, Reward)
    assert (reward.reward, reward.verdict, math_evidence(reward).answer) == (1.0, Verdict.ACCEPTED, answer)


def test_a_reference_as_a_data_set_has_it() -> None:
    reference = "6*7=<<6*7=42>>42\n#### 42"
    for number, reward in (("42", 1.0), ("6", 0.0)):
        graded = grade(MathItem(completion=f"#### {number}", reference=reference, answer_pattern="####"))
        assert isinstance(graded, Reward)
        assert graded.reward == reward
    for item in (
        MathItem(completion="#### 42", reference=reference, answer_pattern="A:"),
        MathItem(completion=r"\boxed{1}", reference=r"\boxed{1} or \boxed{2}"),
        MathItem(completion=r"\boxed{nan}", reference=float("nan")),
    ):
        assert isinstance(grade(item), NotJudged)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("0.333...", "0.333"),
        ("42..", "42"),
        ("4.2.", "42"),
        ("$4$2", "42"),
        ("42!.", "42"),
        ("-42.", "42"),
        ("2**3", "8"),
    ],
)
def test_what_stands_around_a_number_buys_nothing(answer: str, reference: str) -> None:
    reward = graded(answer, reference)
    assert isinstance(reward, NotJudged) or reward.reward == 0.0


@pytest.mark.parametrize("answer", ["43", "", "forty-two", "42 or 43", "42 = 42", "9" * 2000, "9^{9^{9}}", "{" * 50])
def test_wrong_and_unusable_answers_are_wrong(answer: str) -> None:
    reward = graded(answer)
    assert isinstance(reward, Reward)
    assert (reward.reward, reward.verdict) == (0.0, Verdict.WRONG_ANSWER)


@pytest.mark.parametrize("answer", [r"42\%", "42 m", r"\sqrt{1764}", "42_{10}", "x = 42"])
def test_other_notations_are_not_judged(answer: str) -> None:
    reward = graded(answer)
    assert isinstance(reward, NotJudged)
    assert reward.reason.startswith("undecided")


@pytest.mark.parametrize("answer", ["42", "x^2", "", "garbage"])
def test_a_reference_that_is_no_number_is_never_judged(answer: str) -> None:
    for reference in ("x^2", "", "5 %", "\ud800"):
        reward = graded(answer, reference)
        assert isinstance(reward, NotJudged)
        assert "reference" in reward.reason


@given(st.text(), st.integers())
def test_no_completion_makes_the_grader_fail(completion: str, reference: int) -> None:
    for marker in (None, "A:"):
        reward = grade(MathItem(completion=completion, reference=reference, answer_pattern=marker))
        assert isinstance(reward, NotJudged) or reward.reward in (0.0, 1.0)


@given(st.integers(), st.integers())
def test_integers_are_graded_as_integers(answer: int, reference: int) -> None:
    reward = graded(str(answer), reference)
    assert isinstance(reward, Reward)
    assert reward.reward == float(answer == reference)


@given(st.text(), st.text())
def test_the_native_comparison_survives_any_text(answer: str, reference: str) -> None:
    try:
        assert numbers_equal(answer, reference) in (True, False, None)
    except ValueError:
        assert numbers_equal(answer, "1") in (True, False, None)


async def test_a_long_completion_is_graded_off_the_loop() -> None:
    completion = "x " * 400_000 + "\\boxed{42}"
    reward = await MathReward().score({"kind": "math", "completion": completion, "reference": "42"})
    assert isinstance(reward, Reward)
    assert reward.reward == 1.0


# Where this grader and the people who labelled GSM8K differ: (completion, verdict, label).
DISAGREEMENTS = [
    # "A: -1.8 billion" for 2: a number with a word after it may be another way to write the reference.
    ("6b_finetuning: Janet takes two bus trips five days a week.", "not judged", "WRONG_ANSWER"),
]


def test_gsm8k_is_graded_as_people_labelled_it(data_file: Callable[[str], Path]) -> None:
    items = gsm8k(data_file("gsm8k-test.jsonl.gz"), data_file("gsm8k-model-solutions.jsonl.gz"))
    count, found = 0, []
    began = time.process_time()
    for item, label in items:
        fields = {name: value for name, value in item.items() if name != "kind"}
        verdict = verdict_name(grade(MathItem(**fields)))
        count += 1
        if verdict != label:
            found.append((item["id"], verdict, label))
    assert count == 5_276
    assert len(found) <= 0.005 * count
    assert [(item_id[: item_id.find(".") + 1], verdict, label) for item_id, verdict, label in found] == DISAGREEMENTS
    assert time.process_time() - began < 20
