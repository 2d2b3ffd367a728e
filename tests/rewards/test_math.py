from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Verdict
from engine.exact import grade as graded_pair
from rewards import MathReward, NotJudged, Reward
from rewards.cli.tally import verdict_name
from rewards.data.datasets import gsm8k
from rewards.math.item import MathItem, Type
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
        MathItem(completion="#### 42", reference="6 * 7 = 42 #### 42", answer_pattern="A:"),
        MathItem(completion=r"\boxed{1}", reference=r"\boxed{1} or \boxed{2}"),
        MathItem(completion=r"\boxed{nan}", reference=float("nan")),
    ):
        assert isinstance(grade(item), NotJudged)


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("Natalia sold 48/2 = <<48/2=24>>24 clips in May.\n#### 72", "72"),
        ("It rises.\r\n#### -1,450,000 \r\n", "-1450000"),
        ("#### \\frac{1}{2}", "0.5"),
        ("####\nso\n####72", "72"),
        ("Not \\boxed{5} yet\n#### 5", "5"),
    ],
)
def test_a_last_line_of_four_signs_is_the_reference(reference: str, answer: str) -> None:
    for completion, reward in ((f"\\boxed{{{answer}}}", 1.0), ("\\boxed{7}", 0.0)):
        found = grade(MathItem(completion=completion, reference=reference))
        assert isinstance(found, Reward)
        assert found.reward == reward


@pytest.mark.parametrize("reference", ["#### 72\nis it", "so 1 #### 72", "##### 72", "so\n####", "so\n### 72"])
def test_no_other_line_is(reference: str) -> None:
    assert isinstance(grade(MathItem(completion="\\boxed{72}", reference=reference)), NotJudged)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("42..", "42"),
        ("4.2.", "42"),
        ("$4$2", "42"),
        ("42!.", "42"),
        ("-42.", "42"),
    ],
)
def test_what_stands_around_a_number_buys_nothing(answer: str, reference: str) -> None:
    reward = graded(answer, reference)
    assert isinstance(reward, NotJudged) or reward.reward == 0.0


@pytest.mark.parametrize("answer", ["43", "", "forty-three", "42 or 43", "42 = 43", "9" * 2000, "9^{9^{9}}", "{" * 50])
def test_wrong_and_unusable_answers_are_wrong(answer: str) -> None:
    reward = graded(answer)
    assert isinstance(reward, Reward)
    assert (reward.reward, reward.verdict) == (0.0, Verdict.WRONG_ANSWER)


@pytest.mark.parametrize("answer", ["42 km", "42_{10}", "x = 42", r"42\text{ apples}", r"\frac{84}{2}", "forty-two"])
def test_other_notations_are_read(answer: str) -> None:
    reward = graded(answer)
    assert isinstance(reward, Reward)
    assert reward.reward == float(answer != "42_{10}")


@pytest.mark.parametrize("answer", [r"42\%", r"\sqrt{1764}", "40 + 2", "101010_2", "[42]", "{42, 43}"])
def test_other_values_and_work_undone_are_wrong(answer: str) -> None:
    reward = graded(answer)
    assert isinstance(reward, Reward)
    assert reward.reward == 0.0
    assert math_evidence(reward).reason


@pytest.mark.parametrize("answer", ["42", "x^2", "", "garbage", "9" * 2000])
def test_whether_a_reference_can_be_judged_is_not_up_to_the_answer(answer: str) -> None:
    for reference in ("", "\ud800", r"\frac{1}{0}", "See the figure.", "1 = 2", r"\frac{1}{", "9^{9^{9^9}}"):
        reward = graded(answer, reference)
        assert isinstance(reward, NotJudged)
        assert "reference" in reward.reason
        item = MathItem(completion=f"\\boxed{{{answer}}}", reference=reference, undecided="zero")
        zero = grade(item)
        assert isinstance(zero, Reward)
        assert zero.reward == 0.0


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


def test_every_type_that_an_item_may_declare_is_known_to_the_grader() -> None:
    for kind in get_args(Type):
        item = MathItem(completion="", reference="1", type=kind)
        assert graded_pair(["1"], "1", item.declared()).verdict != "incorrect", kind


COMMANDS = r"""
\frac \sqrt \sin \ln \log \pi \infty \pm \text{cm} \text{or} \{ \} \cup \le \binom \sum \\ \circ \cdot \in \mid ^{-1}
\begin{pmatrix} \end{pmatrix} \overline{3} ^{1/3} 9^9 10^{99} \boxed{
"""
PIECES = [*"0123456789", *"xyeif+-*/^_(){}[],;:=<>|!%&.' ", *COMMANDS.split()]
FORMULAS = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)


@settings(max_examples=2_000, deadline=None)
@given(FORMULAS | st.text(), FORMULAS | st.text())
def test_any_text_is_judged_soon(answer: str, reference: str) -> None:
    began = time.thread_time()
    for one, other in ((answer, reference), (reference, reference), (answer, "1"), (answer, "x^2+1")):
        assert graded_pair([one], other).verdict in ("correct", "incorrect", "undecided")
    assert time.thread_time() - began < 4 * 0.05


async def test_a_long_completion_is_graded_off_the_loop() -> None:
    completion = "x " * 400_000 + "\\boxed{42}"
    reward = await MathReward().score({"kind": "math", "completion": completion, "reference": "42"})
    assert isinstance(reward, Reward)
    assert reward.reward == 1.0


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
    assert found == []
    assert time.process_time() - began < 20
