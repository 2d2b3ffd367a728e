"""What a function returned crosses the channel and comes back as exact builtins; nothing else does anything."""

from __future__ import annotations

import collections
import enum
import json
import math
import sys
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.harness.channel import call_of
from engine.harness.drivers.call import MAX_DEPTH, CannotCross, encode
from engine.harness.kinds import AssertsTest, CallTest
from engine.harness.plain import MAX_ANSWER_BYTES, decode_answer, plain
from engine.languages.table import LANGUAGES

PYTHON = LANGUAGES["python"]
TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | TEXT | st.binary(max_size=20)
KEYS = ATOMS | st.lists(ATOMS, max_size=3).map(tuple) | st.frozensets(ATOMS, max_size=3)
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=20,
)


def text_of(value: object) -> str:
    parts: list[str] = []
    encode(value, parts.append)
    return "".join(parts)


def frame(body: str | bytes) -> bytes:
    data = body.encode() if isinstance(body, str) else body
    return len(data).to_bytes(4, "big") + data


def sent(value: object) -> bytes:
    return frame(f'{{"returned":{text_of(value)}}}')


def shape(value: Any) -> Any:
    """A form in which nan equals nan, 0.0 differs from -0.0, and True from 1."""
    if isinstance(value, float):
        return ("float", value.hex())
    if isinstance(value, complex):
        return ("complex", value.real.hex(), value.imag.hex())
    if isinstance(value, list | tuple):
        return (type(value), [shape(item) for item in value])
    if isinstance(value, set | frozenset):
        return (type(value), sorted(map(repr, map(shape, value))))
    if isinstance(value, dict):
        return (dict, [(shape(key), shape(item)) for key, item in value.items()])
    return (type(value), value)


@given(VALUES)
def test_plain_data_crosses_exactly(value: object) -> None:
    returned, problem = decode_answer(sent(value))
    assert problem is None
    assert shape(returned) == shape(value)


class Cheat(str):
    """Says of itself whatever is asked for."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __str__(self) -> str:
        return "42"

    __repr__ = __str__

    def __hash__(self) -> int:
        return 0


class CheatFloat(float):
    def __eq__(self, other: object) -> bool:
        return True

    def __float__(self) -> float:
        return 42.0

    def __repr__(self) -> str:
        return "42.0"

    __hash__ = float.__hash__


class CheatList(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return iter([42])

    def __len__(self) -> int:
        return 1


class CheatDict(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        return [("42", 42)]


class CheatInt(int):
    def __add__(self, other: object) -> int:
        return 42

    def __repr__(self) -> str:
        return "42"

    def __index__(self) -> int:
        return 42


Pair = collections.namedtuple("Pair", "left right")


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Cheat("lie"), "lie"),
        (CheatFloat(1.5), 1.5),
        (CheatInt(7), 7),
        (CheatInt(1 << 80), 1 << 80),
        (CheatList([1, 2]), [1, 2]),
        (CheatDict(a=1), {"a": 1}),
        (Pair(1, 2), (1, 2)),
        (Colour.RED, 1),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(x=[Cheat("y")]), {"x": ["y"]}),
    ],
)
def test_subclasses_are_reduced_by_the_base_types_own_methods(value: object, expected: object) -> None:
    returned, problem = decode_answer(sent(value))
    assert problem is None
    assert shape(returned) == shape(expected)


class AlwaysEqual:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__


class PretendInt:
    @property
    def __class__(self) -> Any:
        return int

    @__class__.setter
    def __class__(self, kind: Any) -> None: ...


@pytest.mark.parametrize(
    "value", [AlwaysEqual(), PretendInt(), object(), range(3), iter([]), len, int, [AlwaysEqual()], bytearray(b"x")]
)
def test_other_objects_do_not_cross(value: object) -> None:
    with pytest.raises(CannotCross):
        text_of(value)


def test_a_value_that_holds_itself_does_not_cross() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(CannotCross, match="nested"):
        text_of(loop)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_has_one_limit_on_both_sides() -> None:
    assert decode_answer(sent(nested(MAX_DEPTH)))[1] is None
    with pytest.raises(CannotCross):
        text_of(nested(MAX_DEPTH + 1))
    for body in ("[" * 201 + "]" * 201, '{"t":[' * 201 + "]}" * 201):
        assert decode_answer(frame(f'{{"returned":{body}}}')) == (msgspec.UNSET, NO_DECODE)


NO_DECODE = "the answer on the channel does not decode"
NOT_WHOLE = "the channel holds something else than one whole answer"


@pytest.mark.parametrize(
    ("channel", "problem"),
    [
        (b"", "no answer on the channel"),
        (b"\0", NOT_WHOLE),
        (b"1", NOT_WHOLE),
        (sent(1)[:-1], NOT_WHOLE),
        (sent(1) + b"\n", NOT_WHOLE),
        (sent(1) + sent(1), NOT_WHOLE),
        (sent(1) + sent(2), NOT_WHOLE),
        (b"\xff\xff\xff\xff" + sent(1), NOT_WHOLE),
        (frame(b""), NO_DECODE),
        (frame("1"), NO_DECODE),
        (frame("{}"), NO_DECODE),
        (frame("[]"), NO_DECODE),
        (frame('{"returned"'), NO_DECODE),
        (frame('{"returned":1,"raised":"x"}'), NO_DECODE),
        (frame('{"finished":1}'), NO_DECODE),
        (frame('{"raised":1}'), NO_DECODE),
        (frame('{"returned":NaN}'), NO_DECODE),
        (frame('{"returned":-Infinity}'), NO_DECODE),
        (frame('{"returned":' + "9" * 5000 + "}"), NO_DECODE),
        (frame('{"returned":{}}'), NO_DECODE),
        (frame('{"returned":{"x":1}}'), NO_DECODE),
        (frame('{"returned":{"t":1}}'), NO_DECODE),
        (frame('{"returned":{"t":[1],"s":[1]}}'), NO_DECODE),
        (frame('{"returned":{"s":[[1]]}}'), NO_DECODE),
        (frame('{"returned":{"d":[1]}}'), NO_DECODE),
        (frame('{"returned":{"d":[[[],1]]}}'), NO_DECODE),
        (frame('{"returned":{"d":[[1,2,3]]}}'), NO_DECODE),
        (frame('{"returned":{"i":1}}'), NO_DECODE),
        (frame('{"returned":{"i":"zz"}}'), NO_DECODE),
        (frame('{"returned":{"i":""}}'), NO_DECODE),
        (frame('{"returned":{"b":"0"}}'), NO_DECODE),
        (frame('{"returned":{"b":null}}'), NO_DECODE),
        (frame('{"returned":{"f":"1"}}'), NO_DECODE),
        (frame('{"returned":{"f":[]}}'), NO_DECODE),
        (frame('{"returned":{"c":[1.0]}}'), NO_DECODE),
        (frame('{"returned":{"c":["1",2.0]}}'), NO_DECODE),
        (frame('{"returned":"\xff"}'.encode("latin-1")), NO_DECODE),
        (frame("[" * 1_000_000), NO_DECODE),
        (frame('{"returned":' * 100_000), NO_DECODE),
        (bytes(MAX_ANSWER_BYTES + 1), f"the answer is larger than {MAX_ANSWER_BYTES} bytes"),
        (frame('{"raised":"ValueError: no"}'), "raised ValueError: no"),
        (frame('{"cannot_cross":"set"}'), "the returned value cannot cross: set"),
    ],
)
def test_anything_but_one_good_frame_is_a_problem(channel: bytes, problem: str) -> None:
    assert decode_answer(channel) == (msgspec.UNSET, problem)


@given(st.binary(max_size=200))
def test_decoding_never_raises(body: bytes) -> None:
    decode_answer(body)
    decode_answer(frame(body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("tszdbifcx"), inner, min_size=1, max_size=1)
    ),
)


@given(JSON)
def test_decoding_forged_trees_never_raises(tree: object) -> None:
    returned, problem = decode_answer(frame(json.dumps({"returned": tree})))
    assert (returned is msgspec.UNSET) == (problem is not None)


PRIME = sys.hash_info.modulus


@pytest.mark.parametrize(
    "items",
    [
        # Integers, all with hash 0.
        ",".join(f'{{"i":"{PRIME * number:x}"}}' for number in range(1, 100_000)),
        # Long tuples with one hash and a long common beginning: hash(-1) == hash(-2).
        ",".join(
            f'{{"t":[{"0," * 400}{",".join("-1" if number >> bit & 1 else "-2" for bit in range(12))}]}}'
            for number in range(3500)
        ),
    ],
)
@pytest.mark.parametrize("whole", ['{"s":[%s]}', '{"z":[%s]}'])
def test_equal_hashes_made_on_purpose_cost_little(items: str, whole: str) -> None:
    channel = frame('{"returned":' + whole % items + "}")
    assert len(channel) < MAX_ANSWER_BYTES
    started = time.process_time()
    returned, problem = decode_answer(channel)
    assert time.process_time() - started < 5
    assert (returned, problem) == (msgspec.UNSET, NO_DECODE)


def test_honest_equal_hashes_cross() -> None:
    grid = {(x, y, z) for x in range(-12, 12) for y in range(-12, 12) for z in range(-12, 12)}
    assert decode_answer(sent(grid)) == (grid, None)


@given(VALUES)
def test_arguments_are_copied_exactly(value: object) -> None:
    copy = plain(value, "arguments")
    assert shape(copy) == shape(value)


@pytest.mark.parametrize("value", [object(), Cheat("x"), [CheatInt(1)], {"a": range(2)}, {Colour.RED: 1}, nested(250)])
def test_other_arguments_are_refused(value: object) -> None:
    with pytest.raises(BadInput, match=r"tests\[0\]\.arguments\[1\]"):
        call_of(CallTest("f", [0, value]), PYTHON, "tests[0]")


def test_asserts_are_unicode_text() -> None:
    with pytest.raises(BadInput, match=r"tests\[0\]\.asserts"):
        call_of(AssertsTest("assert '\ud800'"), PYTHON, "tests[0]")


def test_not_a_number_is_not_lost() -> None:
    returned, _ = decode_answer(sent([math.nan, -0.0, math.inf]))
    assert isinstance(returned, list)
    assert math.isnan(returned[0])
    assert math.copysign(1, returned[1]) == -1
    assert returned[2] == math.inf
