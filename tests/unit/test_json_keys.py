from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from rewards.code.cases import CallCase
from rewards.code.item import code_item
from rewards.code.json_keys import read_keys

KEYS = st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.none()


@given(st.dictionaries(KEYS, st.integers(0, 3), max_size=8))
def test_what_json_made_text_of_is_read_again(data: dict[Any, int]) -> None:
    read = read_keys(json.loads(json.dumps(data)))
    # 1e+22 and the like are not written as they are read.
    assert read == data or any(isinstance(key, float) and "e" in repr(key) for key in data)


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ({"0": "a", "1": "b"}, {0: "a", 1: "b"}),
        ({"1.5": "a"}, {1.5: "a"}),
        ({"true": 1, "false": 0}, {True: 1, False: 0}),
        ({"0": "a", "x": "b"}, {"0": "a", "x": "b"}),
        ({"1": "a", "1.0": "b"}, {"1": "a", "1.0": "b"}),
        ({"01": 1}, {"01": 1}),
        ({"1_0": 1}, {"1_0": 1}),
        ({" 1": 1}, {" 1": 1}),
        ({"nan": 1}, {"nan": 1}),
        ({"9" * 5000: 1}, {"9" * 5000: 1}),
        ([{"a": {"2": ({"3": 4},)}}], [{"a": {2: ({3: 4},)}}]),
        ({}, {}),
        ("7", "7"),
    ],
)
def test_maps_are_read_whole_or_not_at_all(data: object, read: object) -> None:
    found = read_keys(data)
    assert found == read
    assert repr(found) == repr(read)


def test_an_item_asks_for_it() -> None:
    item = {"completion": "", "tests": [{"call": "f", "arguments": [{"1": 2}], "expected": {"3": {"4": 5}}}]}
    assert code_item(item).tests == (CallCase(call="f", arguments=[{"1": 2}], expected={"3": {"4": 5}}),)
    asked = code_item({**item, "json_keys": True})
    assert asked.tests == (CallCase(call="f", arguments=[{1: 2}], expected={3: {4: 5}}),)


@pytest.mark.parametrize(("prelude", "language"), [("icpc", "python"), ("leetcode", "c++20")])
def test_a_prelude_that_is_not_there_is_refused_before_anything_runs(prelude: str, language: str) -> None:
    item = {"completion": "", "language": language, "prelude": prelude, "tests": [{"expected": "1"}]}
    with pytest.raises(BadInput, match="prelude"):
        code_item(item)
