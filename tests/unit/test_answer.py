from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.completion import MAX_COMPLETION_CHARS, Nothing
from rewards.math.answer import final_answer, kind_of, undressed


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        (r"\boxed{42}", "42"),
        (r"so \boxed { 42 } it is", "42"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1\}}", r"\{1\}"),
        (r"\boxed{1}. Then, after a check, \boxed{2}", "2"),
        (r"First \boxed{1} apple for each of the children who wait outside, so \boxed{2}", "2"),
        (r"\boxed{2}, again \boxed{2}", "2"),
        (r"\boxed{203 or \boxed{204}}", r"203 or \boxed{204}"),
        (r"in \boxed{ comes \boxed{5} then \boxed{6", None),
        (r"put it in \boxed{. It is \boxed{5}", "5"),
        (r"\boxed{1} then \boxed{2", None),
        (r"\boxed{203}\boxed{204}", None),
        (r"\boxed{203} or \boxed{204}", None),
        (r"\boxed{}", None),
        (r"\boxed{ }", None),
        (r"\boxed 5", None),
        ("42", None),
        (r"\boxed{1}</think>\boxed{2}", "2"),
        (r"\boxed{1}</think>so one", None),
        (r"<think>\boxed{1}", None),
        ("} } \\boxed{3} {", "3"),
    ],
)
def test_the_last_box(completion: str, answer: str | None) -> None:
    found = final_answer(completion)
    assert isinstance(found, Nothing) if answer is None else found == answer


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
    assert isinstance(found, Nothing) if answer is None else found == answer


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
    assert isinstance(found, Nothing) if answer is None else found == answer


def test_a_prompt_that_opened_the_thinking() -> None:
    assert final_answer(r"\boxed{5}", None, "opened") == Nothing("thinking never ended")
    assert final_answer(r"\boxed{4}</think>\boxed{5}", None, "opened") == "5"


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("$13$.", "13"),
        ("$13.$", "13"),
        ("**73**", "73"),
        ("**73**.", "73"),
        ("**73.**", "73"),
        ("** 73", "73"),
        ("__73__", "73"),
        ("**$73$**", "73"),
        ("$$73$$", "73"),
        ("0.333...", "0.333..."),
        ("3..", "3.."),
        ("$5$ or $6$", "5$ or $6"),
        ("2**3", "2**3"),
        ("$", "$"),
        ("****", ""),
        ("*" * 81, "*" * 81),
    ],
)
def test_what_stands_around_a_number(answer: str, number: str) -> None:
    assert undressed(answer) == number


@given(st.text("$*_. 4"))
def test_nothing_inside_is_taken_away(answer: str) -> None:
    assert undressed(answer) in answer


@pytest.mark.parametrize(
    "answer",
    [
        "5 %",
        r"5\%",
        "5 m",
        "5m",
        "1,000 square metres",
        "-1.8 billion",
        "€5",
        "10_2",
        "x = 5",
        r"2\sqrt{9}",
        r"\frac{\pi}{2}",
        r"\pi",
        r"5\text{ cm}",
        "90^\\circ",
        "2^{10}",
        "3^2 + 4^2",
        r"1.5 \times 10^3",
        "(5)",
        "1.5/2",
        "5e3",
    ],
)
def test_other_notations_are_undecided(answer: str) -> None:
    assert kind_of(answer) == "other notation"


@pytest.mark.parametrize(
    "answer",
    [
        "five",
        "10+John's age",
        "203 or 204",
        r"203 \text{ or } 204",
        r"\text{203 or 204}",
        "203, 204",
        r"\{203, 204\}",
        "(203, 204)",
        "203 = x = 204",
        "x = 203 = 204",
        "[1, 5]",
        "5 < 6",
        r"\pm 5",
        r"\sum_{i=1}^{4} i",
        r"\int_0^1 x dx",
        "9^{9^{9}}",
        "9^9^9",
        "10^{100000000}",
        "100000000!",
        r"\binom{10^9}{5\cdot 10^8}",
        r"\gcd(10^{10^9},6)",
        "(" * 400 + "5" + ")" * 400,
        "9" * 200_000,
        "__import__('os').system('true')",
        "The answer is 5",
        ":",
        "Thought process:",
        "\uff15",
        "\u0665",
        r"\text{5}",
        "5.5.5.5 and more",
        "4 2",
        "43 % 44",
        r"\frac{84}{0}",
        "10/0",
        "1e999999999",
        r"\text{the answer is not }42",
        "",
    ],
)
def test_garbage_is_wrong(answer: str) -> None:
    assert kind_of(answer) == "garbage"


@given(st.text(), st.sampled_from([None, "A:", "####"]))
def test_any_text_is_survived(completion: str, marker: str | None) -> None:
    found = final_answer(completion, marker)
    if not isinstance(found, Nothing):
        assert found == found.strip() != ""
        kind_of(found)


BOXES = st.lists(st.sampled_from(["\\boxed{", "{", "}", "\\", "\\{", "5", " or ", ". ", "</think>"]), max_size=40).map(
    "".join
)


@given(BOXES)
def test_any_nest_of_boxes_is_survived(completion: str) -> None:
    found = final_answer(completion)
    if not isinstance(found, Nothing):
        assert f"{{{found}}}" in completion.replace(" ", "") or found in completion


@pytest.mark.parametrize(
    "piece", ["\\boxed{", "\\boxed", "\\boxed{1}", "{", "}", "\\", "\\boxed ", " ", "A:", "DATA:", "\\boxed{}}"]
)
def test_time_is_linear_on_hostile_text(piece: str) -> None:
    completion = piece * (MAX_COMPLETION_CHARS // len(piece))
    started = time.process_time()
    for marker in (None, "A:"):
        found = final_answer(completion, marker)
        if not isinstance(found, Nothing):
            kind_of(found)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("piece", ["a ", "1,", "1.", "\\text{", "{1}^", "\\,", "1/", "a", "1 a"])
def test_classifying_is_quick_on_short_hostile_text(piece: str) -> None:
    started = time.process_time()
    for end in ("", "!", "\u0665"):
        kind_of((piece * 80)[:79] + end)
    assert time.process_time() - started < 1
