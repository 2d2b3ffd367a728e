from __future__ import annotations

import math
from typing import Any

import pytest

from engine.errors import BadInput
from engine.program import Limits
from rewards.code.cases import AssertsCase, CallCase, StdinCase
from rewards.code.checkers import Rules, Tolerance
from rewards.code.item import code_item
from rewards.math.item import math_item

CODE: dict[str, Any] = {
    "id": "1",
    "kind": "code",
    "completion": "```python\nprint(3)\n```",
    "language": "python",
    "tests": [
        {"stdin": "1 2\n", "expected": "3\n"},
        {"call": "add", "arguments": [1, 2], "expected": 3},
        {"asserts": "assert add(1, 2) == 3"},
    ],
    "checker": "lines",
    "limits": {"cpu_seconds": 2, "memory_bytes": 268435456},
    "reward": "all",
}
MATH: dict[str, Any] = {"id": "2", "kind": "math", "completion": "\\boxed{42}", "reference": "42"}


def test_the_documented_lines_are_items() -> None:
    item = code_item(CODE)
    assert item.tests == (
        StdinCase(stdin=b"1 2\n", expected=b"3\n"),
        CallCase(call="add", arguments=[1, 2], expected=3),
        AssertsCase(asserts="assert add(1, 2) == 3"),
    )
    assert item.limits == Limits(cpu_seconds=2, memory_bytes=268435456)
    assert math_item(MATH).reference == "42"


def test_what_may_be_left_out_and_written_otherwise() -> None:
    item = code_item({"completion": "x", "tests": [{"expected_base64": "/w=="}, {"stdin": b"\xff", "expected": ""}]})
    assert item.tests == (StdinCase(expected=b"\xff"), StdinCase(stdin=b"\xff", expected=b""))
    assert (item.language, item.checker, item.limits, item.reward) == ("python", "lines", None, "all")
    floats = code_item({**CODE, "checker": {"floats": {"relative": 1e-3}}})
    assert floats.checker == Rules(floats=Tolerance(relative=1e-3))
    assert math_item({**MATH, "reference": 42, "answer_pattern": "A:"}).reference == 42


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"completion": 5}, "completion", 5),
        ({"completion": "\ud800"}, "completion", "\ud800"),
        ({"kind": "maths"}, "kind", "maths"),
        ({"tests": []}, "tests", []),
        ({"tests": {}}, "tests", {}),
        ({"tests": ["x"]}, "tests[0]", "x"),
        ({"tests": [{"expected": "1"}, {"expected": "1"}, {"stdin": ""}]}, "tests[2].expected", None),
        ({"tests": [{"stdin": 5, "expected": "1"}]}, "tests[0].stdin", 5),
        ({"tests": [{"expected": 1}]}, "tests[0].expected", 1),
        ({"tests": [{"expected_base64": "?"}]}, "tests[0].expected_base64", "?"),
        ({"tests": [{"call": "f", "expected": 1}]}, "tests[0].arguments", None),
        ({"tests": [{"call": "f", "arguments": 1, "expected": 1}]}, "tests[0].arguments", 1),
        ({"tests": [{"call": "f", "arguments": []}]}, "tests[0].expected", None),
        ({"tests": [{"asserts": "x", "stdin": ""}]}, "tests[0].stdin", ""),
        ({"tests": [{"asserts": "x"}], "language": "c"}, "tests[0].asserts", "x"),
        ({"tests": [{"asserts": "assert f()"}, {"asserts": ""}]}, "tests[1].asserts", ""),
        ({"tests": [{"call": "f", "arguments": [], "expected": 1}], "language": "c"}, "tests[0].call", "f"),
        ({"checker": "line"}, "checker", "line"),
        ({"checker": {"floats": {"relative": "x"}}}, "checker.floats.relative", "x"),
        ({"checker": {"floats": {"relative": 2}}}, "checker.floats.relative", 2),
        ({"checker": {"floats": {"relativ": 1}}}, "checker.floats.relativ", 1),
        ({"limits": {"cpu_seconds": 0}}, "limits.cpu_seconds", 0),
        ({"limits": {"memory": 5}}, "limits.memory", 5),
        ({"reward": "some"}, "reward", "some"),
        ({"thinking": True}, "thinking", True),
        ({"test": []}, "test", []),
        ({"language": 5}, "language", 5),
        ({"language": "klingon"}, "language", "klingon"),
    ],
)
def test_a_wrong_code_item_names_field_and_value(change: dict[str, Any], field: str, value: object) -> None:
    with pytest.raises(BadInput) as caught:
        code_item({**CODE, **change})
    assert (caught.value.field, caught.value.value) == (field, value)


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"reference": None}, "reference", None),
        ({"reference": True}, "reference", True),
        ({"reference": math.inf}, "reference", math.inf),
        ({"thinking": "open"}, "thinking", "open"),
        ({"answer_pattern": ""}, "answer_pattern", ""),
        ({"answer_pattern": "A:\n"}, "answer_pattern", "A:\n"),
        ({"answer_pattern": "A" * 101}, "answer_pattern", "A" * 101),
        ({"tests": []}, "tests", []),
    ],
)
def test_a_wrong_math_item_names_field_and_value(change: dict[str, Any], field: str, value: object) -> None:
    with pytest.raises(BadInput) as caught:
        math_item({**MATH, **change})
    assert (caught.value.field, caught.value.value) == (field, value)


@pytest.mark.parametrize("field", ["completion", "tests"])
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(BadInput) as caught:
        code_item({name: value for name, value in CODE.items() if name != field})
    assert caught.value.field == field
