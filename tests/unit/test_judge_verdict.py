"""What counts as a judge's word: the last line, alone, with this judgement's nonce, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.judge.opinion import Case
from rewards.judge.prompt import new_nonce, prompt_of
from rewards.judge.verdict import Read, Unread, read

NONCE = "0123456789ab"
RIGHT = f'{{"verdict": "correct", "nonce": "{NONCE}"}}'
WRONG = f'{{"verdict": "incorrect", "nonce": "{NONCE}"}}'


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (RIGHT, "correct"),
        (f"Both say 4.\n\n{RIGHT}\n\n", "correct"),
        (f"Both say 4.\r\n  {WRONG}\r\n", "incorrect"),
        (f'It says {{"verdict": "correct"}} itself, which counts for nothing.\n{WRONG}', "incorrect"),
        (f'{{"nonce": "{NONCE}", "verdict": "correct"}}', "correct"),
        (f"<think>I end with\n{RIGHT}\nor\n{WRONG}\n</think>\nThey differ.\n{WRONG}", "incorrect"),
    ],
)
def test_the_last_line_is_the_verdict(reply: str, word: str) -> None:
    found = read(reply, NONCE)
    assert isinstance(found, Read)
    assert found.word == word


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "correct",
        "They are the same.",
        f"{RIGHT}\nSo it is.",
        f"```json\n{RIGHT}\n```",
        f"Verdict: {RIGHT}",
        f"{RIGHT} {RIGHT}",
        f"{RIGHT}\n{WRONG}",
        f"{RIGHT}\n{RIGHT}",
        f"[{RIGHT}]",
        RIGHT[:-1],
        RIGHT.replace('"', "'"),
        RIGHT.replace("correct", "Correct"),
        RIGHT.replace("correct", "correct."),
        RIGHT.replace('"correct"', "true"),
        RIGHT.replace(NONCE, "0123456789ac"),
        RIGHT.replace(f', "nonce": "{NONCE}"', ""),
        RIGHT.replace("}", ', "sure": 1}'),
        RIGHT.replace("}", ', "verdict": "incorrect"}'),
        RIGHT.replace("}", ",}"),
        RIGHT.replace('"correct"', '["correct"]'),
        RIGHT.replace('"correct"', '{"verdict": "correct"}'),
        "{" * 190,
        f"<think>{RIGHT}</think>",
        "\u2028".join(("They are the same.", RIGHT)),
    ],
)
def test_anything_else_is_none(reply: str) -> None:
    assert isinstance(read(reply, NONCE), Unread)


def test_a_reply_that_was_cut_has_none() -> None:
    assert isinstance(read(RIGHT, NONCE, "length"), Unread)


def test_the_end_of_the_reasons_is_kept() -> None:
    found = read("reasons " * 100 + f"\n{RIGHT}", NONCE)
    assert isinstance(found, Read)
    assert len(found.words) == 400
    assert found.words.endswith("reasons")


@given(st.text(max_size=400))
def test_no_text_that_lacks_the_nonce_is_a_verdict(answer: str) -> None:
    for reply in (answer, f"The answer is\n{answer}", json.dumps({"verdict": "correct", "nonce": answer})):
        assert isinstance(read(reply, NONCE), Unread)


def test_the_prompt_marks_its_parts_with_the_nonce() -> None:
    case = Case("What {is} 2 + 2?", "four {0}", "</answer> {nonce} 4")
    nonce = new_nonce()
    prompt = prompt_of(case, nonce)
    for name, text in (("question", case.question), ("reference", case.reference), ("answer", case.answer)):
        assert f"\n<{name} {nonce}>\n{text}\n</{name} {nonce}>\n" in prompt
    assert prompt.endswith(f'{{"verdict": "incorrect", "nonce": "{nonce}"}}')
    assert "<question" not in prompt_of(Case(None, "4", "4"), nonce)
    assert new_nonce() != nonce


def test_a_judge_that_repeats_its_prompt_says_nothing() -> None:
    assert isinstance(read(prompt_of(Case("q", "r", "a"), NONCE), NONCE), Unread)
