"""Items from the columns of a trainer's samples."""

from __future__ import annotations

from typing import Any

import pytest

from engine import BadInput
from rewards.adapters.samples import Completion, item_of, item_of_label, items_of, text_of
from rewards.kinds import ITEMS

SAID = "\\boxed{4}"
APPS = {"input_output": '{"inputs": ["1\\n"], "outputs": ["2\\n"]}'}


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("as it is", "as it is"),
        ([{"role": "assistant", "content": "said"}], "said"),
        ([{"content": "said"}], "said"),
        ([{"role": "assistant", "content": "first"}, {"role": "user", "content": "no"}], "first"),
        ([{"role": "assistant", "content": "first"}, {"role": "assistant", "content": "last"}], "last"),
        (
            [{"role": "assistant", "content": [{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]}],
            "in parts",
        ),
        ([{"role": "assistant", "content": None, "tool_calls": []}], ""),
        ([], ""),
    ],
)
def test_what_the_model_said(completion: Completion, text: str) -> None:
    assert text_of(completion) == text


class Model:
    """As pydantic's models: no mapping, and knows how to become one."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def model_dump(self) -> dict[str, Any]:
        return self._fields


def test_a_turn_may_be_a_model_of_pydantics() -> None:
    turns: Any = (Model(role="assistant", content=[{"type": "text", "text": "said"}]), Model(role="tool", content="no"))
    assert text_of(turns) == "said"


@pytest.mark.parametrize(
    "completion",
    [None, 5, ["text"], *([{"content": content}] for content in (5, ["text"], [{"text": None}]))],
)
def test_a_completion_of_no_known_form(completion: Any) -> None:
    with pytest.raises(BadInput, match="expected text") as caught:
        text_of(completion)
    assert caught.value.field == "completion"


@pytest.mark.parametrize(
    ("columns", "item"),
    [
        ({"reference": "4"}, {"kind": "math", "reference": "4"}),
        ({"answer": "so it is\n#### 4", "difficulty": 3}, {"kind": "math", "reference": "so it is\n#### 4"}),
        (
            {"answer": "4", "solution": None, "question": "2 + 2?"},
            {"kind": "math", "reference": "4", "question": "2 + 2?"},
        ),
        (
            {"solution": "It is \\boxed{4}.", "type": "Algebra"},
            {"kind": "math", "reference": "It is \\boxed{4}."},
        ),
        ({"solution": "so 4", "answer": "4"}, {"kind": "math", "reference": "4"}),
        ({**APPS, "difficulty": "introductory"}, {**APPS, "kind": "code", "difficulty": "introductory"}),
        ({"kind": "code", "tests": [], "extra": None}, {"kind": "code", "tests": []}),
        ({"kind": "of one's own", "anything": ""}, {"kind": "of one's own", "anything": ""}),
        ({"answer": "", "solution": "\\boxed{3}"}, {"kind": "math", "reference": "\\boxed{3}"}),
        ({"answer": 0, "input_output": "", "tests": [], "kind": ""}, {"kind": "math", "reference": 0}),
        ({"answer": "", **APPS}, {"kind": "code", **APPS}),
        ({"inputs": [""], "outputs": [""]}, {"kind": "code", "inputs": [""], "outputs": [""]}),
    ],
)
def test_the_columns_say_what_is_asked(columns: dict[str, Any], item: dict[str, Any]) -> None:
    made = item_of(columns, SAID)
    assert made == {**item, "completion": SAID}
    if made["kind"] == "math" or "input_output" in made:
        ITEMS[made["kind"]](made)


def test_a_prompt_is_a_column_of_rows_alone() -> None:
    row = {"entry_point": "f", "test": "def check(f): assert f() == 1"}
    assert item_of(row, SAID, "def f():") == {**row, "kind": "code", "prompt": "def f():", "completion": SAID}
    for prompt in ("2 + 2?", [{"role": "user", "content": "2 + 2?"}], None):
        code = {"tests": [{"stdin": "", "expected": "4"}], "language": "python"}
        for kind, fields in (("code", code), ("math", {"reference": "4"})):
            item = item_of({"kind": kind, **fields}, SAID, prompt)
            assert item == {"kind": kind, **fields, "completion": SAID}
            ITEMS[kind](item)


def test_the_head_of_a_function_may_be_empty() -> None:
    row = {"entry_point": "f", "test": "def check(f): assert f() == 1", "prompt": ""}
    assert item_of(row, SAID) == {**row, "kind": "code", "completion": SAID}


@pytest.mark.parametrize("columns", [{}, {"difficulty": 3}, {"reference": None}, {"answer": "", "tests": []}])
def test_nothing_says_what_is_right(columns: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="expected kind, a form of tests, or one of reference") as caught:
        item_of(columns, SAID)
    assert caught.value.field == "columns"


class Array:
    """As numpy's arrays and numbers: not a list, and knows how to become one."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def tolist(self) -> Any:
        return self._value


CASES = {"inputs": ["1\n"], "outputs": ["2\n"]}


@pytest.mark.parametrize(
    ("label", "item"),
    [
        ("4", {"kind": "math", "reference": "4", "question": "2 + 2?"}),
        (Array(4), {"kind": "math", "reference": 4, "question": "2 + 2?"}),
        ("{1, 2}", {"kind": "math", "reference": "{1, 2}", "question": "2 + 2?"}),
        ("{}", {"kind": "math", "reference": "{}", "question": "2 + 2?"}),
        ("{\ud800}", {"kind": "math", "reference": "{\ud800}", "question": "2 + 2?"}),
        (CASES, {**CASES, "kind": "code"}),
        ('{"inputs": ["1\\n"], "outputs": ["2\\n"]}', {**CASES, "kind": "code"}),
        ({"inputs": Array(["1\n"]), "outputs": Array([Array("2\n")])}, {**CASES, "kind": "code"}),
        ({"tests": [], "kind": "code"}, {"tests": [], "kind": "code"}),
        ({"inputs": ["1\n"]}, {"kind": "code", "ground_truth": {"inputs": ["1\n"]}}),
        ({"answer": "4"}, {"kind": "math", "reference": "4"}),
    ],
)
def test_a_label_is_tests_or_a_reference(label: Any, item: dict[str, Any]) -> None:
    assert item_of_label(label, SAID, "2 + 2?") == {**item, "completion": SAID}


def test_a_wrong_sample_among_many_is_named() -> None:
    assert items_of([{"answer": "4"}], lambda columns: item_of(columns, SAID))[0]["reference"] == "4"
    with pytest.raises(BadInput) as caught:
        items_of([{"answer": "4"}, {}], lambda columns: item_of(columns, SAID))
    assert caught.value.field == "[1].columns"
