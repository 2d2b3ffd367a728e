"""Values in call tests: one tagged form that JSON and MessagePack both carry, and BadInput for everything else."""

from __future__ import annotations

import contextlib
import json
import math
import re
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.harness.drivers import encoding
from engine.wire.tagging import tagged
from engine.wire.values import MAX_DEPTH, untagged
from tests.support.plain_data import plain_data, shape

PAGE = Path(__file__).parents[2] / "docs" / "items-values.md"


def item_form(value: Any) -> Any:
    """The value as an item has it: a map that would be a tag is written as one."""
    if isinstance(value, list | tuple):
        return type(value)(map(item_form, value))
    if isinstance(value, dict):
        if len(value) == 1 and str(next(iter(value))).startswith("$"):
            return {"$dict": [[key, item_form(each)] for key, each in value.items()]}
        return {key: item_form(each) for key, each in value.items()}
    return value


@given(plain_data())
def test_a_value_means_the_same_in_python_json_and_messagepack(value: Any) -> None:
    given_in_python = item_form(value)
    assert shape(untagged(given_in_python, "x")) == shape(value)
    carried = tagged(given_in_python, "x")
    for wire in (msgspec.json, msgspec.msgpack):
        arrived = wire.decode(wire.encode(carried))
        assert shape(arrived) == shape(carried)
        assert shape(untagged(arrived, "x")) == shape(value)
    assert json.loads(json.dumps(carried)) == carried


@given(plain_data())
def test_tagging_twice_is_tagging_once(value: Any) -> None:
    once = tagged(item_form(value), "x")
    assert tagged(once, "x") == once


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text().filter(lambda key: key[:1] != "$"), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_json_says_exactly_stays_the_very_object(value: Any) -> None:
    if "inf" in repr(value):
        return
    assert tagged(value, "x") is value
    assert shape(untagged(value, "x")) == shape(value)


FORMS: list[tuple[Any, Any]] = [
    ((1, [2]), {"$tuple": [1, [2]]}),
    ({7}, {"$set": [7]}),
    (frozenset({"a"}), {"$frozenset": ["a"]}),
    ({(1, 2): "a"}, {"$dict": [[{"$tuple": [1, 2]}, "a"]]}),
    ({"$set": 1}, {"$dict": [["$set", 1]]}),
    (b"\xff\x00", {"$bytes": "/wA="}),
    (1 - 2.5j, {"$complex": [1.0, -2.5]}),
    (complex(math.inf, -0.0), {"$complex": [{"$float": "inf"}, -0.0]}),
    (-math.inf, {"$float": "-inf"}),
    (1 << 64, {"$int": "0x10000000000000000"}),
    (-(1 << 63) - 1, {"$int": "-0x8000000000000001"}),
    ({"a": [1, {"b": {2}}]}, {"a": [1, {"b": {"$set": [2]}}]}),
    ([(1 << 64) - 1, -(1 << 63), "é", None, True, {"$a": 1, "b": 2}], [(1 << 64) - 1, -(1 << 63), "é", None, True]),
]
FORMS[-1][1].append({"$a": 1, "b": 2})


@pytest.mark.parametrize(("value", "form"), FORMS)
def test_the_tagged_forms(value: Any, form: Any) -> None:
    assert shape(tagged(item_form(value), "x")) == shape(form)
    assert shape(untagged(form, "x")) == shape(value)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ({"$int": "0"}, 0),
        ({"$int": "-12"}, -12),
        ({"$int": "9" * 4300}, 10**4300 - 1),
        ({"$int": "0xFf"}, 255),
        ({"$complex": [1, {"$float": "inf"}]}, complex(1, math.inf)),
        ({"$tuple": ({1}, {"$set": (2,)})}, ({1}, {2})),
        ({"$dict": []}, {}),
        ({"$dict": [("a", 1)]}, {"a": 1}),
        ({"$set": [{"$frozenset": [1]}, {"$tuple": [1]}]}, {frozenset({1}), (1,)}),
        ({"$bytes": ""}, b""),
    ],
)
def test_other_ways_to_write_them(form: Any, value: Any) -> None:
    assert shape(untagged(form, "x")) == shape(value)


class Text(str):
    __slots__ = ()


def loop() -> list[Any]:
    inner: list[Any] = []
    inner.append([inner, inner])
    return inner


def nested(depth: int, tag: str = "") -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {tag: [[1, value]] if tag == "$dict" else [value]} if tag else [value]
    return value


WRONG: list[tuple[Any, str, str]] = [
    ({"$ref": "#/a"}, "x", '[["$ref", ...]]'),
    ({"$": 1}, "x", '[["$", ...]]'),
    ({"$Set": [1]}, "x", "no tag"),
    ([0, {"a b": {"$tuple": 3}}], "x[1]['a b'].$tuple", "expected a list"),
    ({"$tuple": {"a": 1}}, "x.$tuple", "expected a list"),
    ({"$tuple": {1}}, "x.$tuple", "expected a list"),
    ({"$set": [1, [2]]}, "x.$set", "cannot be in a set"),
    ({"$set": [1, True]}, "x.$set", "equal"),
    ({"$frozenset": [{"$set": []}]}, "x.$frozenset", "cannot be in a set"),
    ({"$dict": {"a": 1}}, "x.$dict", "expected a list"),
    ({"$dict": [[1, 2], [1]]}, "x.$dict[1]", "expected [key, value]"),
    ({"$dict": ["ab"]}, "x.$dict[0]", "expected [key, value]"),
    ({"$dict": [[1, 2], [1.0, 3]]}, "x.$dict", "equal"),
    ({"$dict": [[[1], 2]]}, "x.$dict", "be a key"),
    ({"$dict": [["a", {"$int": 5}]]}, "x.$dict[0].$int", "as text"),
    ({"$bytes": "a"}, "x.$bytes", "not base64"),
    ({"$bytes": "a a="}, "x.$bytes", "not base64"),
    ({"$bytes": "é"}, "x.$bytes", "not base64"),
    ({"$bytes": b"YQ=="}, "x.$bytes", "expected base64 text"),
    ({"$int": 5}, "x.$int", "as text"),
    ({"$int": "10**4999"}, "x.$int", "0x"),
    ({"$int": "1_0"}, "x.$int", "0x"),
    ({"$int": " 1"}, "x.$int", "0x"),
    ({"$int": "1\n"}, "x.$int", "0x"),
    ({"$int": "٣"}, "x.$int", "0x"),
    ({"$int": "0x"}, "x.$int", "0x"),
    ({"$int": "9" * 4301}, "x.$int", "4,300"),
    ({"$float": 1.5}, "x.$float", "is a number"),
    ({"$float": "1.5"}, "x.$float", "is a number"),
    ({"$float": "NaN"}, "x.$float", "is a number"),
    ({"$float": ["nan"]}, "x.$float", "is a number"),
    ({"$complex": [1]}, "x.$complex", "expected [re, im]"),
    ({"$complex": ["1", 2]}, "x.$complex", "expected a number"),
    ({"$complex": [True, 2]}, "x.$complex", "expected a number"),
    ({"$complex": [10**400, 2]}, "x.$complex", "expected a number"),
    ({"$complex": [{"$float": "x"}, 2]}, "x.$complex", "is a number"),
    (object(), "x", "plain data"),
    ([1, (2, Text("a"))], "x[1][1]", "plain data"),
    ({"a": {"b": bytearray()}}, "x.a.b", "plain data"),
    ({(1, object()): 2}, "x[tuple][1]", "plain data"),
    ({3: iter(())}, "x[3]", "plain data"),
    ({"c": "\ud800"}, "x.c", "surrogates"),
    ({"\ud800": 1}, r"x['\ud800']", "surrogates"),
    ({10**5000: object()}, "x[int]", "plain data"),
]


@pytest.mark.parametrize(("data", "field", "message"), WRONG, ids=range(len(WRONG)))
def test_what_has_no_meaning_is_refused_by_name(data: Any, field: str, message: str) -> None:
    for read in (untagged, tagged):
        with pytest.raises(BadInput) as caught:
            read(data, "x")
        assert caught.value.field == field
        assert message in str(caught.value)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize("tag", ["", "$tuple", "$set", "$frozenset", "$dict"])
def test_depth_has_one_limit_whatever_the_form(tag: str) -> None:
    if tag != "$set":
        for read in (untagged, tagged):
            read(nested(MAX_DEPTH, tag), "x")
    for read in (untagged, tagged):
        for data in (nested(MAX_DEPTH + 1, tag), nested(100_000, tag), loop()):
            with pytest.raises(BadInput) as caught:
                read(data, "x")
            assert len(caught.value.field) < 200


def test_the_deepest_values_pass_both_wires() -> None:
    for tag in ("", "$tuple", "$frozenset", "$dict"):
        carried = tagged(nested(MAX_DEPTH, tag), "x")
        for wire in (msgspec.json, msgspec.msgpack):
            assert wire.decode(wire.encode(carried)) == carried


def test_the_driver_and_the_wires_have_the_same_depth() -> None:
    assert encoding.MAX_DEPTH == MAX_DEPTH


def test_integers_have_any_size_in_linear_time() -> None:
    number = (1 << 40_000_000) - 1
    started = time.process_time()
    assert untagged(tagged([number], "x"), "x") == [number]
    for text in ("9" * 40_000_000, "0x" + "f" * 40_000_000 + "g"):
        with pytest.raises(BadInput):
            untagged({"$int": text}, "x")
    assert time.process_time() - started < 5


def test_equal_hashes_made_on_purpose_are_refused() -> None:
    numbers = [{"$int": f"{sys.hash_info.modulus * number:#x}"} for number in range(1, 50_000)]
    started = time.process_time()
    for data in ({"$set": numbers}, {"$dict": [[number, 1] for number in numbers]}):
        with pytest.raises(BadInput, match="the same hash"):
            untagged(data, "x")
    assert time.process_time() - started < 5


TAGS = ["$tuple", "$set", "$frozenset", "$dict", "$bytes", "$int", "$float", "$complex", "$other", "a"]
FORGED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["nan", "0x1f", "-5", "YQ==", "", "$set"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TAGS), inner, max_size=2),
)


@given(FORGED)
def test_any_data_has_a_value_or_is_bad_input(data: Any) -> None:
    with contextlib.suppress(BadInput):
        value = untagged(data, "x")
        assert shape(untagged(tagged(data, "x"), "x")) == shape(value)


def test_the_page_shows_what_is_so() -> None:
    rows = re.findall(r"^\| `(.+?)` \| `(.+?)` \|", PAGE.read_text(), re.MULTILINE)
    assert len(rows) >= 10
    names = {"inf": math.inf, "nan": math.nan}
    for python, form in rows:
        value = eval(python, dict(names))
        assert shape(untagged(json.loads(form), "x")) == shape(value), python
        assert shape(untagged(tagged(item_form(value), "x"), "x")) == shape(value), python
