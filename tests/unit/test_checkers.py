from __future__ import annotations

import math
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.wire.items import item_to_wire
from rewards.code.cases import CallCase, StdinCase
from rewards.code.checkers import Checker, Rules, Tolerance, same_output, same_value
from rewards.code.item import code_item

FLOATS = Rules(floats=Tolerance())
CHECKERS: list[Checker] = ["lines", "exact", "tokens", FLOATS]


@pytest.mark.parametrize(
    ("checker", "got", "expected"),
    [
        ("lines", b"3", b"3\n"),
        ("lines", b"3\n\n\n", b"3"),
        ("lines", b"1 \t\r\n2\r\n", b"1\n2\n"),
        ("lines", b"\n \n", b""),
        ("lines", b"  a", b"  a"),
        ("exact", b"\xff\x00", b"\xff\x00"),
        ("tokens", b" 1\n2\t3 ", b"1 2 3\n"),
        (FLOATS, b"1.0000001 x", b"1.0 x"),
        (FLOATS, b"2", b"2.0"),
        (FLOATS, b"1e3 .5 5.", b"1000.0 0.5 5"),
        (FLOATS, b"+7 -0", b"7 0"),
        (FLOATS, b"0.0000000001", b"0.0"),
        (FLOATS, b"nan inf -inf 1e999", b"nan inf -inf 1e999"),
    ],
)
def test_right_outputs(checker: Checker, got: bytes, expected: bytes) -> None:
    assert same_output(got, expected, checker)


@pytest.mark.parametrize(
    ("checker", "got", "expected"),
    [
        ("lines", b" 3", b"3"),
        ("lines", b"\n3", b"3"),
        ("lines", b"1  2", b"1 2"),
        ("lines", b"1\n\n2", b"1\n2"),
        ("lines", b"1\n2", b"1 2"),
        ("lines", b"a", b"A"),
        ("lines", b"3\x00", b"3"),
        ("exact", b"3", b"3\n"),
        ("exact", b"3\r\n", b"3\n"),
        ("tokens", b"12", b"1 2"),
        ("tokens", b"2 1", b"1 2"),
        (FLOATS, b"1.00001", b"1.0"),
        (FLOATS, b"1000000008", b"1000000007"),
        (FLOATS, b"nan", b"1.0"),
        (FLOATS, b"1.0", b"nan"),
        (FLOATS, b"inf", b"1.0"),
        (FLOATS, b"inf", b"1e999"),
        (FLOATS, b"1e999", b"1e998"),
        (FLOATS, b"NaN", b"nan"),
        (FLOATS, b"1_0", b"10"),
        (FLOATS, b"0x10", b"16"),
        (FLOATS, b"1.0 2.0", b"1.0"),
        (FLOATS, b"9" * 500 + b".0", b"9" * 500 + b".1"),
    ],
)
def test_wrong_outputs(checker: Checker, got: bytes, expected: bytes) -> None:
    assert not same_output(got, expected, checker)


@pytest.mark.parametrize("checker", CHECKERS)
def test_an_empty_expected_output_accepts_only_nothing(checker: Checker) -> None:
    assert same_output(b"", b"", checker)
    assert not same_output(b"x", b"", checker)
    assert not same_output(b"\n\nx\n", b"", checker)
    assert not same_output(b"", b"x", checker)


@pytest.mark.parametrize("checker", CHECKERS)
@given(
    output=st.lists(st.sampled_from([b"1", b"2.5", b"word", b" ", b"\n", b"nan"]), min_size=1).map(b"".join),
    cut=st.integers(1),
)
def test_a_prefix_is_not_accepted(checker: Checker, output: bytes, cut: int) -> None:
    expected = output + b"\n7"
    prefix = expected[: -(cut % len(output)) - 1].rstrip()
    assert same_output(expected, expected, checker)
    assert not same_output(prefix, expected, checker)
    assert not same_output(expected, prefix, checker)


@given(st.binary(), st.binary())
def test_checkers_are_ordered_by_what_they_overlook(got: bytes, expected: bytes) -> None:
    lines, exact, tokens, floats = (same_output(got, expected, checker) for checker in CHECKERS)
    assert exact == (got == expected)
    assert not exact or lines
    assert not lines or tokens
    assert not tokens or floats


@given(st.floats(-1e300, 1e300), st.floats(-1, 1))
def test_the_tolerance_is_what_it_says(expected: float, off: float) -> None:
    got = expected + off * 1e-6 * abs(expected) * 0.9
    assert same_output(repr(got).encode(), repr(expected).encode(), FLOATS)


@pytest.mark.parametrize("piece", [b"\n", b" \n", b"1\n", b"1 ", b" ", b"\t", b"1", b"1.", b"x \n"])
@pytest.mark.parametrize("checker", CHECKERS)
def test_time_is_linear_on_hostile_output(checker: Checker, piece: bytes) -> None:
    output = piece * ((1 << 20) // len(piece))
    started = time.process_time()
    same_output(output, output + b"2", checker)
    same_output(b"2" + output, output, checker)
    assert time.process_time() - started < 4


@pytest.mark.parametrize(
    ("field", "values"), [("relative", [-1e-9, 0.2, float("nan")]), ("absolute", [-1.0, float("inf"), float("nan")])]
)
def test_tolerances_that_accept_anything_are_refused(field: str, values: list[float]) -> None:
    for value in values:
        with pytest.raises(BadInput) as caught:
            Tolerance(**{field: value})
        assert caught.value.field == f"checker.floats.{field}"


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (3, 3),
        (1, 1.0),
        (1.0, 1),
        ((1, (2,)), [1, [2]]),
        ([1, 2], (1, 2)),
        ({"b": [1], "a": None}, {"a": None, "b": [1]}),
        ("x ", "x "),
        (b"x", b"x"),
        ({1, "a"}, frozenset({1, "a"})),
        (float("inf"), float("inf")),
        ([], ()),
        (Fraction(1, 2), 0.5),
        (0.5, Fraction(1, 2)),
        (Fraction(2, 1), 2),
        (1 + 0j, 1),
        (2, 2 + 0j),
        ([{Fraction(1, 4): 1j}], [{0.25: 1j}]),
        ({1.0, 2}, {1, 2.0}),
        ({(1, 2.5)}, {(1.0, Fraction(5, 2))}),
        ({frozenset({1}): 0}, {frozenset({1.0}): 0}),
    ],
)
def test_right_values(got: Any, expected: Any) -> None:
    assert same_value(got, expected)


class AlwaysEqual:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__


class EqualInt(int):
    __eq__ = AlwaysEqual.__eq__
    __hash__ = int.__hash__


@pytest.mark.parametrize("checker", ["lines", FLOATS])
@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (True, 1),
        (1, True),
        ([True], [1]),
        ("1", 1),
        (None, 0),
        (None, []),
        ([], {}),
        ([1], [1, 2]),
        ([1, 2], [1]),
        ({1: 2}, {"1": 2}),
        ({True: 2}, {1: 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        (float("nan"), float("nan")),
        (float("inf"), 1.0),
        (10**400, 1.0),
        ("x ", "x"),
        (b"x", "x"),
        (AlwaysEqual(), 3),
        (EqualInt(4), 3),
        (EqualInt(4), 4),
        ([AlwaysEqual()], [3]),
        ({1}, [1]),
        ({1}, {True}),
        (1j, 1),
        (True, 1 + 0j),
        (True, Fraction(1)),
        ({(True,)}, {(1,)}),
        ({(True, "a"): 1}, {(1, "a"): 1}),
        ({frozenset({True})}, {frozenset({1})}),
        (Fraction(1, 2), "1/2"),
        ({Fraction(1, 2)}, [Fraction(1, 2)]),
        (float("inf"), 10**400),
        (10**400, float("inf")),
        (Fraction(10**400, 3), float("inf")),
        ([1j], [complex(0, float("nan"))]),
    ],
)
def test_wrong_values(checker: Checker, got: Any, expected: Any) -> None:
    assert not same_value(got, expected, checker)


def test_floats_are_exact_unless_the_checker_says_otherwise() -> None:
    assert not same_value(0.1 + 0.2, 0.3)
    assert not same_value(2**53 + 1, 2.0**53)
    assert same_value([{"x": 0.1 + 0.2}], [{"x": 0.3}], FLOATS)
    assert not same_value(1_000_000_008, 1_000_000_007, FLOATS)
    assert not same_value(Fraction(1, 10), 0.1)
    assert not same_value(Fraction(2**53 + 1), 2.0**53)
    assert same_value(Fraction(1, 10), 0.1, FLOATS)
    assert same_value([Fraction(1, 3)], [0.333333333], FLOATS)
    assert not same_value(0.1 + 0.2 + 0j, 0.3, FLOATS)


def test_fractions_of_any_size_are_compared_fast() -> None:
    many = [Fraction(10**4299 + number, 3**8000) for number in range(300)]
    started = time.process_time()
    for checker in CHECKERS:
        for other in (1, 1.5, 10**4299, float("inf"), 1e308):
            assert not any(same_value(each, other, checker) for each in many)
    assert time.process_time() - started < 4


def test_nesting_and_width_cost_no_more_than_time() -> None:
    deep: list[Any] = []
    other: list[Any] = []
    for _ in range(200_000):
        deep, other = [deep], [other]
    assert same_value(deep, other)
    assert not same_value(deep, [other])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, JSON)
def test_values_equal_themselves_and_both_ways(left: Any, right: Any) -> None:
    assert same_value(left, left)
    assert same_value(left, right) == same_value(right, left)


@pytest.mark.parametrize(
    ("got", "expected", "checker", "same"),
    [
        (b"b\na\n", b"a \nb\n\n", "unordered", True),
        (b"a\na\nb\n", b"a\nb\nb\n", "unordered", False),
        (b"a b\n", b"b a\n", "unordered", False),
        (b"b\na\n", b"a b", Rules(unordered="tokens"), True),
        (b"a", b"a b", Rules(unordered="tokens"), False),
        (b"YES\nno\n", b"Yes\nNo\n", "case_insensitive", True),
        ("STRASSE É\n".encode(), "straße é\n".encode(), "case_insensitive", True),
        (b"\xff YES", b"\xff yes", "case_insensitive", True),
        (b"\xff", b"\xfe", "case_insensitive", False),
        (b"YES NO\n", b"Yes\nNo\n", "case_insensitive", False),
        (b"B\nA", b"a\nb", Rules(unordered="lines", case_insensitive=True), True),
        (b"Yes 0.3333333", b"YES 0.33333333", Rules(floats=Tolerance(), case_insensitive=True), True),
        (b"Yes 0.34", b"YES 0.33333333", Rules(floats=Tolerance(), case_insensitive=True), False),
    ],
)
def test_rules_for_outputs(got: bytes, expected: bytes, checker: Checker, same: bool) -> None:
    assert same_output(got, expected, checker) is same


@pytest.mark.parametrize(
    "checker",
    ["lines", "exact", "tokens", "unordered", "case_insensitive", FLOATS, Rules(unordered="tokens")],
)
def test_an_empty_expected_output_accepts_only_an_empty_one(checker: Checker) -> None:
    for got in (b"x", b"0", b"\xff", b"\0", b"nan", b"\n\nx\n"):
        assert not same_output(got, b"", checker)
        assert not same_output(b"", got, checker)
    assert same_output(b"", b"", checker)


@pytest.mark.parametrize(
    ("got", "expected", "checker", "same"),
    [
        ([[2, 1], [3]], [(3,), [2, 1.0]], "unordered", True),
        ([[1, 2], [3]], [[3], [2, 1]], "unordered", False),
        ([[1, 2], [3]], [[3], [2, 1]], Rules(unordered="tokens"), True),
        ([1, 1, 2], [1, 2, 2], "unordered", False),
        ([True], [1], "unordered", False),
        (["1"], [1], "unordered", False),
        (["1,2"], ["1", "2"], "unordered", False),
        ([math.nan], [math.nan], "unordered", False),
        ([2**53 + 1], [2.0**53], "unordered", False),
        ([Fraction(1, 2), {"a": {1, 2}}], [{"a": {2, 1}}, 0.5], "unordered", True),
        ([1j, 1 + 0j], [1, 1j], "unordered", True),
        (["Yes", {"A": "b"}], ["YES", {"a": "B"}], "case_insensitive", True),
        ({"a", "A"}, {"a"}, "case_insensitive", False),
        ("Yes", "No", "case_insensitive", False),
        ([b"A"], [b"a"], "case_insensitive", False),
    ],
)
def test_rules_for_values(got: Any, expected: Any, checker: Checker, same: bool) -> None:
    assert same_value(got, expected, checker) is same


def test_rules_say_something_that_has_a_meaning() -> None:
    for wrong, field in (({}, "checker.floats"), ({"floats": {}, "unordered": "lines"}, "checker.unordered")):
        with pytest.raises(BadInput) as raised:
            code_item({"completion": "x", "checker": wrong, "tests": [{"expected": ""}]})
        assert raised.value.field == field
    with pytest.raises(BadInput, match=r"tests\[0\]\.checker\.floats\.relative 3"):
        code_item({"completion": "x", "tests": [{"expected": "", "checker": {"floats": {"relative": 3}}}]})


def test_a_test_has_several_right_answers_and_a_checker_of_its_own() -> None:
    tests = [
        {"expected": "a", "also": ["b", b"\xff"], "checker": "exact"},
        {"call": "f", "arguments": [], "expected": 1, "also": [{"$set": [2]}], "checker": {"floats": {}}},
    ]
    stdin, call = code_item({"completion": "x", "tests": tests}).tests
    assert stdin == StdinCase(expected=b"a", also=(b"b", b"\xff"), checker="exact")
    assert call == CallCase(call="f", arguments=[], expected=1, also=[{2}], checker=FLOATS)
    assert item_to_wire({"tests": [{"call": "f", "also": [{2}]}]}, text_only=True)["tests"][0]["also"] == [
        {"$set": [2]}
    ]
    for also in ("b", [3]):
        with pytest.raises(BadInput, match=r"tests\[0\]\.also"):
            code_item({"completion": "x", "tests": [{"expected": "a", "also": also}]})
