"""Plain data in one form for all that a checker does not tell apart: order, case, the type of an equal number."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any, Final, TypeGuard

NUMBERS: Final = (int, float, complex, Fraction)
_NANS: Final = itertools.count()


def is_list(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    return type(value) in (list, tuple)


def is_set(value: object) -> TypeGuard[set[object] | frozenset[object]]:
    return type(value) in (set, frozenset)


def is_number(value: object) -> TypeGuard[int | float | complex | Fraction]:
    return type(value) in NUMBERS


def in_one_case(value: Any) -> Any:
    """A copy with every text in it casefolded; `value` is plain data of bounded depth."""
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, dict):
        # Keys that differ in case alone stay two; so do elements of a set.
        keys = [in_one_case(key) for key in value]
        keys = keys if len({*keys}) == len(keys) else list(value)
        return dict(zip(keys, map(in_one_case, value.values()), strict=True))
    if isinstance(value, set | frozenset):
        folded = type(value)(map(in_one_case, value))
        return folded if len(folded) == len(value) else value
    return type(value)(map(in_one_case, value)) if isinstance(value, list | tuple) else value


def in_one_order(value: object, *, deep: bool, outermost: bool = True) -> str:
    """A text that is the same for equal data, whatever the order in the outermost list, or, if `deep`, in any list.

    Texts and not hashes of numbers, which a program could make collide. nan is like nothing, itself included.
    """

    def inner(each: object) -> str:
        return in_one_order(each, deep=deep, outermost=False)

    if is_list(value):
        items = list(map(inner, value))
        return f"[{','.join(sorted(items) if deep or outermost else items)}]"
    if type(value) is dict:
        return f"{{{','.join(sorted(f'{inner(key)}:{inner(each)}' for key, each in value.items()))}}}"
    if is_set(value):
        return f"<{','.join(sorted(map(inner, value)))}>"
    return _number_text(value) if is_number(value) else repr(value)


def _number_text(number: float | complex | Fraction) -> str:
    if isinstance(number, complex):
        if number.imag:
            return f"({_number_text(number.real)},{_number_text(number.imag)})"
        number = number.real
    if number != number:
        return f"nan {next(_NANS)}"
    if number in (float("inf"), float("-inf")):
        return str(number)
    numerator, denominator = number.as_integer_ratio()
    return f"{numerator:x}/{denominator:x}"
