from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.answer import final_answer
from rewards.completion import MAX_COMPLETION_CHARS, Nothing


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        (r"\boxed{42}", "42"),
        (r"so \boxed { 42 } it is", "42"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1\}}", r"\{1\}"),
        (r"\boxed{1}. Then, after a check, \boxed{2}", "2"),
        (r"First \boxed{1} apple for each of the children who wait outside, so \boxed{2}", "2"),
        (r"\fbox{2}", "2"),
        (r"\boxed 2", "2"),
        (r"\boxed2", "2"),
        (r"\boxed 204", "2"),
        (r"\boxed{203 or \boxed{204}}", r"203 or \boxed{204}"),
        (r"in \boxed{ comes \boxed{5} then \boxed{6", None),
        (r"put it in \boxed{. It is \boxed{5}", "5"),
        (r"\boxed{1} then \boxed{2", None),
        (r"\boxed{}", None),
        (r"\boxed{ }", None),
        ("42", None),
        (r"\boxed{1}</think>\boxed{2}", "2"),
        (r"\boxed{1}</think>so one", None),
        (r"<think>\boxed{1}", None),
        ("} } \\boxed{3} {", "3"),
    ],
)
def test_the_last_box(completion: str, answer: str | None) -> None:
    found = final_answer(completion)
    assert isinstance(found, Nothing) if answer is None else found == [answer]


@pytest.mark.parametrize(
    ("completion", "answers"),
    [
        (r"\boxed{2}, again \boxed{2}", ["2", "2"]),
        (r"\boxed{203}\boxed{204}", ["203", "204"]),
        (r"\boxed{1}, \boxed{2} and \boxed{3}", ["1", "2", "3"]),
        (r"\boxed{1}. No: \boxed{2} or \boxed{3}", ["2", "3"]),
        (r"\boxed{1} and \boxed{}", None),
    ],
)
def test_boxes_in_one_breath(completion: str, answers: list[str] | None) -> None:
    found = final_answer(completion)
    assert isinstance(found, Nothing) if answers is None else found == answers


@pytest.mark.parametrize(
    ("marker", "completion", "answer"),
    [
        ("A:", "so\nA: 18", "18"),
        ("A:", "A: 17\nno,\nA: 18 \nbye", "18"),
        ("A:", "A: 17\nDATA: 18", "17"),
        ("####", "x = 5\n#### 5\r\n", "5"),
        ("answer is", "The answer is 5", "5"),
        ("A:", "18", None),
        ("A:", "A:\n18", None),
        ("A:", "DATA: 18", None),
        ("A:", r"\boxed{5}", None),
    ],
)
def test_the_last_marker(marker: str, completion: str, answer: str | None) -> None:
    found = final_answer(completion, marker)
    assert isinstance(found, Nothing) if answer is None else found == [answer]


@pytest.mark.parametrize(
    ("marker", "completion", "answer"),
    [
        ("####", "#### 42<|im_end|>", "42"),
        ("####", "#### 42 <|endoftext|>\n", "42"),
        (None, "\\boxed{5}<|im_end|>\n<|im_start|>user\nAgain \\boxed{6}", "5"),
        (None, r"[THINK]\boxed{5}, or", None),
        (None, r"<reasoning>\boxed{5}</reasoning>I give up", None),
    ],
)
def test_what_is_no_part_of_the_answer(marker: str | None, completion: str, answer: str | None) -> None:
    found = final_answer(completion, marker)
    assert isinstance(found, Nothing) if answer is None else found == [answer]


def test_a_prompt_that_opened_the_thinking() -> None:
    assert final_answer(r"\boxed{5}", None, "opened") == Nothing("thinking never ended")
    assert final_answer(r"\boxed{4}</think>\boxed{5}", None, "opened") == ["5"]


@given(st.text(), st.sampled_from([None, "A:", "####"]))
def test_any_text_is_survived(completion: str, marker: str | None) -> None:
    found = final_answer(completion, marker)
    if not isinstance(found, Nothing):
        assert all(answer == answer.strip() != "" for answer in found)


BOXES = st.lists(st.sampled_from(["\\boxed{", "{", "}", "\\", "\\{", "5", " or ", ". ", "</think>"]), max_size=40).map(
    "".join
)


@given(BOXES)
def test_any_nest_of_boxes_is_survived(completion: str) -> None:
    found = final_answer(completion)
    if not isinstance(found, Nothing):
        assert all(answer in completion for answer in found)


@pytest.mark.parametrize(
    "piece", ["\\boxed{", "\\boxed", "\\boxed{1}", "{", "}", "\\", "\\boxed ", " ", "A:", "DATA:", "\\boxed{}}"]
)
def test_time_is_linear_on_hostile_text(piece: str) -> None:
    completion = piece * (MAX_COMPLETION_CHARS // len(piece))
    started = time.process_time()
    for marker in (None, "A:"):
        final_answer(completion, marker)
    assert time.process_time() - started < 5
