"""What a function returned crosses the channel and comes back as exact builtins; nothing else does anything."""

from __future__ import annotations

import collections
import enum
import json
import marshal
import math
import sys
import time
import types
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput, SandboxError
from engine.harness.channel import call_of
from engine.harness.drivers.encoding import MAX_DEPTH, CannotCross, encode
from engine.harness.kinds import AssertsTest, CallTest
from engine.harness.plain import MAX_ANSWER_BYTES, decode_answer
from engine.jobs.notebook import notebook_run
from engine.languages.table import LANGUAGES
from engine.program import Outcome, Verdict
from tests.support.plain_data import ANY_TEXT, plain_data, shape

PYTHON = LANGUAGES["python"]
VALUES = plain_data(ANY_TEXT)


def text_of(value: object) -> str:
    parts: list[str] = []
    encode(value, parts.append)
    return "".join(parts)


def frame(body: str | bytes) -> bytes:
    data = body.encode() if isinstance(body, str) else body
    return len(data).to_bytes(4, "big") + data


def sent(value: object) -> bytes:
    return frame(f'{{"returned":{text_of(value)}}}')


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


class CheatFraction(Fraction):
    @property
    def numerator(self) -> int:
        return 42

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = Fraction.__hash__


class CheatDecimal(Decimal):
    def as_integer_ratio(self) -> tuple[int, int]:
        return 42, 1

    def is_finite(self) -> bool:
        return False

    def as_tuple(self) -> Any:
        return 0, (), 0


TEN = 10**4299
NUMBERS: list[tuple[object, object]] = [
    (Fraction(1, 3), Fraction(1, 3)),
    (Fraction(-6, 2), -3),
    (CheatFraction(1, 2), Fraction(1, 2)),
    (Fraction(10**5000), 10**5000),
    (Decimal("0.1"), Fraction(1, 10)),
    (Decimal("-1.50"), Fraction(-3, 2)),
    (Decimal("3.000"), 3),
    (Decimal("1E+3"), 1000),
    (Decimal("-0"), 0),
    (Decimal("0E-999999999"), 0),
    (Decimal(TEN), TEN),
    (CheatDecimal("2.5"), Fraction(5, 2)),
    (Decimal("Infinity"), math.inf),
    (Decimal("-Infinity"), -math.inf),
    (Decimal("NaN"), math.nan),
    (Decimal("-sNaN12"), math.nan),
    ([{Decimal("0.5"): (Fraction(1, 2),)}], [{Fraction(1, 2): (Fraction(1, 2),)}]),
]


@pytest.mark.parametrize(("value", "expected"), NUMBERS, ids=range(len(NUMBERS)))
def test_fractions_and_decimals_cross_as_exact_fractions(value: object, expected: object) -> None:
    returned, problem = decode_answer(sent(value))
    assert problem is None
    assert shape(returned) == shape(expected)


@given(st.fractions() | st.decimals(allow_nan=False, allow_infinity=False))
def test_fractions_and_decimals_keep_what_they_equal(value: Any) -> None:
    try:
        channel = sent(value)
    except CannotCross:
        assert isinstance(value, Decimal)
        assert abs(value.adjusted()) > 2000
        return
    returned, problem = decode_answer(channel)
    assert problem is None
    assert returned == value
    assert type(returned) in (int, Fraction)


@pytest.mark.parametrize(
    "value",
    [
        Fraction(1, 10**4400),
        Fraction(10**4400, 7),
        Decimal("1E+999999999"),
        Decimal("1E-999999999"),
        Decimal("1" * 4400 + ".5"),
        Decimal("1E+4300"),
    ],
)
def test_fractions_without_end_do_not_cross(value: object) -> None:
    started = time.process_time()
    with pytest.raises(CannotCross, match="of more than 4300 digits"):
        text_of(value)
    assert time.process_time() - started < 1


def modules_with(monkeypatch: pytest.MonkeyPatch, **modules: object) -> None:
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


class Generic:
    """numpy's scalars as far as the driver knows them."""

    def __init__(self, value: object) -> None:
        self.value = value

    def item(self) -> object:
        return self.value


class Number(Generic): ...


class Bool(Generic): ...


FAKE_NUMPY = types.SimpleNamespace(generic=Generic, number=Number, bool_=Bool)


def test_scalars_of_numpy_cross_as_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    modules_with(monkeypatch, numpy=FAKE_NUMPY)
    value = [Number(3), Number(2.5), Number(1j), Bool(True)]
    returned, problem = decode_answer(sent(value))
    assert problem is None
    assert shape(returned) == shape([3, 2.5, 1j, True])
    for other in (Number(Number(3)), Number([3]), Generic(3), Number(None)):
        with pytest.raises(CannotCross):
            text_of(other)


def test_the_scalars_of_the_real_numpy_cross() -> None:
    numpy = pytest.importorskip("numpy")
    value = [numpy.int64(3), numpy.uint8(200), numpy.float32(0.5), numpy.float64(0.1), numpy.bool_(True)]
    value += [numpy.complex64(1j), numpy.float16(2)]
    assert shape(decode_answer(sent(value))[0]) == shape([3, 200, 0.5, 0.1, True, 1j, 2.0])
    for other in (numpy.array(3), numpy.array([1, 2]), numpy.datetime64("2020-01-01")):
        with pytest.raises(CannotCross):
            text_of(other)


@pytest.mark.parametrize("name", ["fractions", "decimal", "numpy"])
def test_a_faked_module_harms_only_its_own_answer(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    modules_with(monkeypatch, **{name: types.SimpleNamespace()})
    assert decode_answer(sent([1, "a", {2}])) == ([1, "a", {2}], None)
    with pytest.raises((CannotCross, AttributeError)):
        text_of(object())


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
    "value",
    [AlwaysEqual(), PretendInt(), object(), range(3), iter([]), len, int, [AlwaysEqual()], bytearray(b"x")],
    ids=lambda value: type(value).__name__,
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
        (frame('{"returned":{"q":["1"]}}'), NO_DECODE),
        (frame('{"returned":{"q":[1,2]}}'), NO_DECODE),
        (frame('{"returned":{"q":["1","0"]}}'), NO_DECODE),
        (frame('{"returned":{"q":["1","-2"]}}'), NO_DECODE),
        (frame('{"returned":{"q":["z","2"]}}'), NO_DECODE),
        (frame('{"returned":{"q":["1","' + "f" * 4000 + '"]}}'), NO_DECODE),
        (frame('{"returned":{"q":["' + "f" * 4000 + '","3"]}}'), NO_DECODE),
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
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("tszdbifcqx"), inner, min_size=1, max_size=1)
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


def test_fractions_made_on_purpose_cost_little() -> None:
    whole, part = "f" * 3572, "f" * 3571 + "d"
    each = f'{{"q":["{whole}","{part}"]}}'
    channel = frame('{"returned":[' + ",".join([each] * ((MAX_ANSWER_BYTES - 100) // (len(each) + 1))) + "]}")
    assert MAX_ANSWER_BYTES - 10_000 < len(channel) < MAX_ANSWER_BYTES
    started = time.process_time()
    _, problem = decode_answer(channel)
    assert time.process_time() - started < 5
    assert problem is None


def test_honest_equal_hashes_cross() -> None:
    grid = {(x, y, z) for x in range(-12, 12) for y in range(-12, 12) for z in range(-12, 12)}
    assert decode_answer(sent(grid)) == (grid, None)


@given(VALUES)
def test_arguments_go_in_exactly(value: object) -> None:
    channel = call_of(CallTest("f", [value]), PYTHON, "tests[0]").channel
    assert channel is not None
    call, _, arguments = marshal.loads(channel[4:])
    assert call == "f"
    assert shape(arguments) == shape([value])


def test_sets_in_sets_go_in_fast_and_in_one_order() -> None:
    deep: object = 1
    for _ in range(MAX_DEPTH):
        deep = frozenset([deep])
    for value in (deep, {frozenset({(0, frozenset({number}))}) for number in range(2000)}):
        started = time.process_time()
        channel = call_of(CallTest("f", [value]), PYTHON, "tests[0]").channel
        assert channel is not None
        assert time.process_time() - started < 2
        call, _, arguments = marshal.loads(channel[4:])
        assert (call, arguments) == ("f", [value])
        assert call_of(CallTest("f", arguments), PYTHON, "tests[0]").channel == channel


def test_a_list_in_two_places_goes_in_as_two() -> None:
    row = [0]
    channel = call_of(CallTest("f", [[row, row]]), PYTHON, "tests[0]").channel
    assert channel is not None
    _, _, [grid] = marshal.loads(channel[4:])
    assert grid == [[0], [0]]
    assert grid[0] is not grid[1]


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


def test_an_answer_of_a_notebook_that_was_cut_is_past_the_output() -> None:
    whole = frame('{"cells":[{"stdout":"a","stderr":"","display":[],"error":[]}]}')
    run = notebook_run(Outcome(exit_code=0, channel=whole))
    assert run.cells is not None
    assert run.outcome.clean
    for cut in (whole[:-1], whole[:4]):
        run = notebook_run(Outcome(exit_code=0, channel=cut))
        assert (run.cells, run.outcome.verdict) == (None, Verdict.OUTPUT_LIMIT)
    assert notebook_run(Outcome(exit_code=0)).outcome.clean


def test_a_kernel_that_does_not_come_up_is_no_cell_s_doing() -> None:
    content = b'{"unready": "RuntimeError: Kernel died"}'
    channel = len(content).to_bytes(4, "big") + content
    with pytest.raises(SandboxError, match="kernel did not come up: RuntimeError: Kernel died"):
        notebook_run(Outcome(exit_code=0, channel=channel))
    # What its memory limit ended is the request's.
    assert notebook_run(Outcome(exit_code=0, oom_kills=1, channel=channel)).cells is None
