"""Whether an output is the expected one, on bytes; and whether a function call returned the expected plain value.

Every check is one pass over both sides. None of them accepts a prefix, and an expected output without content accepts
only an output without content.

Numbers under the floats checker: a token is a number if it is a plain decimal literal of at most 400 characters whose
value is finite. Two integer literals must be the same integer, so that 1000000008 never passes for 1000000007.
Otherwise they are equal within max(absolute, relative x |expected|). Everything else (words, hex, `1_0`, `nan`, `inf`,
`1e999`) is compared as text: `nan` matches an expected `nan` and nothing else.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from engine.errors import BadInput
from rewards.code.plain_data import NUMBERS, in_one_case, in_one_order, is_list, is_number, is_set

_BLANKS: Final = b" \t\r\v\f"
_INTEGER: Final = re.compile(rb"[+-]?[0-9]+")
_NUMBER: Final = re.compile(rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_NUMBER_CHARS: Final = 400


class Tolerance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a number may be off: max(absolute, relative x |expected|); raises BadInput for one that is out of range.

    relative is at most 0.1; absolute is finite.
    """

    relative: float = 1e-6
    absolute: float = 1e-9

    def __post_init__(self) -> None:
        if not 0 <= self.relative <= 0.1:
            raise BadInput("checker.floats.relative", self.relative, "expected a number from 0 to 0.1")
        if not (self.absolute >= 0 and math.isfinite(self.absolute)):
            raise BadInput("checker.floats.absolute", self.absolute, "expected a finite number, 0 or above")

    def holds(self, got: float, expected: float) -> bool:
        """Whether `got` is near enough; never for nan, and an infinity only equals itself."""
        return got == expected or abs(got - expected) <= max(self.absolute, self.relative * abs(expected)) < math.inf


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A checker that is a map: what it says beside the comparison by lines, or by tokens where there are floats.

    floats            numbers may be off by the tolerance
    unordered         in any order: lines or tokens; of a returned value the outermost list, or every list
    case_insensitive  texts may differ in case

    Raises BadInput for a map that says nothing, and for floats in any order, where no pair is the right one.
    """

    floats: Tolerance | None = None
    unordered: Literal["lines", "tokens"] | None = None
    case_insensitive: bool = False

    def __post_init__(self) -> None:
        if not (self.floats or self.unordered or self.case_insensitive):
            raise BadInput("checker.floats", None, "expected this, unordered or case_insensitive")
        if self.floats and self.unordered:
            raise BadInput("checker.unordered", self.unordered, "not together with floats")


Checker = Literal["lines", "exact", "tokens", "unordered", "case_insensitive"] | Rules


def same_output(got: bytes, expected: bytes, checker: Checker = "lines") -> bool:
    """Whether the output `got` is right.

    lines             equal line by line, without blanks (also carriage returns) at the ends of lines and empty lines at
                      the end
    exact             equal byte by byte
    tokens            the same words, however they are separated
    unordered         the same lines in any order
    case_insensitive  as lines, whatever the case
    Rules             as they say
    """
    match checker:
        case "exact":
            return got == expected
        case "lines":
            return _same_lines(got, expected)
        case "tokens":
            return got.split() == expected.split()
        case "unordered":
            return _counted(got) == _counted(expected)
        case "case_insensitive":
            return _same_lines(_folded(got), _folded(expected))
        case Rules():
            return _same_by_rules(got, expected, checker)


def _same_by_rules(got: bytes, expected: bytes, checker: Rules) -> bool:
    if checker.case_insensitive:
        got, expected = _folded(got), _folded(expected)
    if checker.unordered == "tokens":
        return Counter(got.split()) == Counter(expected.split())
    if checker.unordered == "lines":
        return _counted(got) == _counted(expected)
    return _same_lines(got, expected) if checker.floats is None else _near_tokens(got, expected, checker.floats)


def _near_tokens(got: bytes, expected: bytes, tolerance: Tolerance) -> bool:
    tokens, wanted = got.split(), expected.split()
    if len(tokens) != len(wanted):
        return False
    return all(token == want or _near(token, want, tolerance) for token, want in zip(tokens, wanted, strict=True))


def _folded(output: bytes) -> bytes:
    return output.decode("utf-8", "surrogateescape").casefold().encode("utf-8", "surrogateescape")


def _same_lines(got: bytes, expected: bytes) -> bool:
    # Line by line instead of two lists: a long output that is wrong early costs nothing more.
    got, expected = _without_end(got), _without_end(expected)
    if got == expected:
        return True
    if got.count(b"\n") != expected.count(b"\n"):
        return False
    pairs = zip(_lines(got), _lines(expected), strict=True)
    return all(line == want for line, want in pairs)


def _without_end(output: bytes) -> bytes:
    return output.rstrip(_BLANKS + b"\n")


def _counted(output: bytes) -> Counter[bytes]:
    return Counter(_lines(_without_end(output)))


def _lines(output: bytes) -> Iterator[bytes]:
    start = 0
    while (end := output.find(b"\n", start)) >= 0:
        yield output[start:end].rstrip(_BLANKS)
        start = end + 1
    yield output[start:].rstrip(_BLANKS)


def _near(token: bytes, want: bytes, tolerance: Tolerance) -> bool:
    if max(len(token), len(want)) > _NUMBER_CHARS or not (_NUMBER.fullmatch(token) and _NUMBER.fullmatch(want)):
        return False
    if _INTEGER.fullmatch(token) and _INTEGER.fullmatch(want):
        return int(token) == int(want)
    got, expected = float(token), float(want)
    return math.isfinite(got) and math.isfinite(expected) and tolerance.holds(got, expected)


def same_value(got: object, expected: Any, checker: Checker = "lines") -> bool:
    """Whether a call returned the right value; both sides are plain data, rebuilt as exact builtins.

    JSON decides what can be told apart: a tuple is a list (a set is not). Numbers are equal where Python's == says so,
    exactly: 1 is 1.0, 0.5 is Fraction(1, 2), but 2**53 + 1 is not 2.0**53, and nan equals nothing; so too as keys and
    in sets. True is not 1, "1" is not 1, 1 as a key is not "1". Real numbers may differ if the checker has floats; two
    ints still have to be the same then. Texts are compared exactly and lists in order, unless the checker says other.
    """
    rules = _RULES.get(checker) if isinstance(checker, str) else checker
    if rules is None:
        return _same_data(got, expected, None)
    if rules.case_insensitive:
        got, expected = in_one_case(got), in_one_case(expected)
    if rules.unordered is None:
        return _same_data(got, expected, rules.floats)
    deep = rules.unordered == "tokens"
    return in_one_order(got, deep=deep) == in_one_order(expected, deep=deep)


def _same_data(got: object, expected: object, tolerance: Tolerance | None) -> bool:
    # A stack of our own: nesting is the program's choice and must not become a RecursionError here.
    pending: list[tuple[object, object]] = [(got, expected)]
    while pending:
        left, right = pending.pop()
        if is_list(left) and is_list(right):
            if len(left) != len(right):
                return False
            pending += zip(left, right, strict=True)
        elif type(left) is dict and type(right) is dict:
            wanted = {_key(key): value for key, value in right.items()}
            found = {_key(key): value for key, value in left.items()}
            if found.keys() != wanted.keys():
                return False
            pending += ((value, wanted[key]) for key, value in found.items())
        elif is_set(left) and is_set(right):
            if set(map(_key, left)) != set(map(_key, right)):
                return False
        elif not _same_scalar(left, right, tolerance):
            return False
    return True


def _key(value: object) -> tuple[object, object]:
    """Equal for equal keys: with what it is, because True would find the key 1."""
    kind = type(value)
    if kind in NUMBERS:
        return "number", value
    if kind is tuple or kind is frozenset:
        return kind, kind(map(_key, value))  # type: ignore[call-overload]
    return kind, value


def _same_scalar(left: object, right: object, tolerance: Tolerance | None) -> bool:
    if is_number(left) and is_number(right):
        if tolerance is None or (type(left) is int and type(right) is int):
            return left == right
        if isinstance(left, complex) or isinstance(right, complex):
            return left == right
        try:
            return tolerance.holds(float(left), float(right))
        except OverflowError:
            # Beyond every float: only an equal one would do.
            return left == right
    return type(left) is type(right) and type(left) in _SCALARS and left == right


_SCALARS: Final = (str, bytes, bool, type(None))
_RULES: Final = {"unordered": Rules(unordered="lines"), "case_insensitive": Rules(case_insensitive=True)}
