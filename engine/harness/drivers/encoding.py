"""Runs inside the sandbox: a value as tagged JSON, by the methods of the builtins alone."""

from __future__ import annotations

import sys
from _json import encode_basestring_ascii as quote
from collections.abc import Callable, Iterable
from typing import Any

MAX_DEPTH = 200
SAFE_INT = 1 << 53
# Of a fraction's two parts; 4,300 decimal digits, where Python itself ends.
MAX_RATIO_DIGITS = 4300
MAX_RATIO_BITS = 14_288
MODULES = sys.modules


class CannotCross(Exception):
    """A value that is no plain data."""


def encode(value: Any, put: Callable[[str], object], depth: int = 0) -> None:
    """Write `value` as tagged JSON; subclasses are reduced by the base type's own methods, never by their own.

    Raises CannotCross.
    """
    kind = type(value)
    if value is None:
        put("null")
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif issubclass(kind, str):
        put(quote(str.__str__(value)))
    elif issubclass(kind, int):
        number = int.__add__(value, 0)
        # Hexadecimal: decimal text of long integers is slow to make and refused from 4,300 digits on.
        put(int.__repr__(number) if -SAFE_INT < number < SAFE_INT else f'{{"i":"{number:x}"}}')
    elif issubclass(kind, float):
        put(_float_text(float.__float__(value)))
    elif issubclass(kind, list):
        _encode_items(list.__iter__(value), "[", "]", put, depth)
    elif issubclass(kind, tuple):
        _encode_items(tuple.__iter__(value), '{"t":[', "]}", put, depth)
    elif issubclass(kind, dict):
        _encode_items(dict.items(value), '{"d":[', "]}", put, depth)
    elif issubclass(kind, set):
        _encode_items(set.__iter__(value), '{"s":[', "]}", put, depth)
    elif issubclass(kind, frozenset):
        _encode_items(frozenset.__iter__(value), '{"z":[', "]}", put, depth)
    elif issubclass(kind, bytes):
        put(f'{{"b":"{bytes.hex(value)}"}}')
    elif issubclass(kind, complex):
        both = complex.__pos__(value)
        put(f'{{"c":[{_float_text(both.real)},{_float_text(both.imag)}]}}')
    else:
        _encode_number(value, kind, put)


def _encode_number(value: Any, kind: type, put: Callable[[str], object]) -> None:
    """A number of a module that the program has imported, as a builtin or as a ratio."""
    if (fractions := MODULES.get("fractions")) is not None and issubclass(kind, fractions.Fraction):
        base = fractions.Fraction
        _encode_ratio(base.numerator.__get__(value), base.denominator.__get__(value), put)
        return
    if (decimal := MODULES.get("decimal")) is not None and issubclass(kind, decimal.Decimal):
        _encode_decimal(value, decimal.Decimal, put)
        return
    if (numpy := MODULES.get("numpy")) is not None and issubclass(kind, (numpy.number, numpy.bool_)):
        number = numpy.generic.item(value)
        if type(number) in (bool, int, float, complex):
            encode(number, put)
            return
    raise CannotCross(type.__repr__(kind))


def _encode_decimal(value: Any, base: Any, put: Callable[[str], object]) -> None:
    if not base.is_finite(value):
        encode(float("nan" if base.is_nan(value) else "-inf" if base.is_signed(value) else "inf"), put)
        return
    _, digits, exponent = base.as_tuple(value)
    if not any(digits):
        encode(0, put)  # whatever its exponent
    elif len(digits) + abs(exponent) > MAX_RATIO_DIGITS:
        raise CannotCross(f"a Decimal of more than {MAX_RATIO_DIGITS} digits")
    else:
        numerator, denominator = base.as_integer_ratio(value)
        _encode_ratio(numerator, denominator, put)


def _encode_ratio(numerator: int, denominator: int, put: Callable[[str], object]) -> None:
    numerator, denominator = int.__add__(numerator, 0), int.__add__(denominator, 0)
    if denominator == 1:
        encode(numerator, put)
    elif max(numerator.bit_length(), denominator.bit_length()) > MAX_RATIO_BITS:
        raise CannotCross(f"a fraction of more than {MAX_RATIO_DIGITS} digits")
    else:
        put(f'{{"q":["{numerator:x}","{denominator:x}"]}}')


def _encode_items(items: Iterable[Any], opening: str, closing: str, put: Callable[[str], object], depth: int) -> None:
    if depth == MAX_DEPTH:
        raise CannotCross(f"nested deeper than {MAX_DEPTH}")
    put(opening)
    comma = ""
    for item in items:
        put(comma)
        if opening == '{"d":[':
            put("[")
            encode(item[0], put, depth + 1)
            put(",")
            encode(item[1], put, depth + 1)
            put("]")
        else:
            encode(item, put, depth + 1)
        comma = ","
    put(closing)


def _float_text(number: float) -> str:
    text = float.__repr__(number)
    return f'{{"f":"{text}"}}' if text in ("nan", "inf", "-inf") else text


def text_of(error: BaseException) -> str:
    """An exception's kind and words."""
    name = type.__dict__["__name__"].__get__(type(error))
    try:
        said = str.__str__(str(error))[:1000]
    except Exception:
        said = ""
    return f"{name}: {said}" if said else name
