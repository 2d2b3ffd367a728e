r"""Answers of every type whose value is known without the grader: numbers, and ways to write them.

A shape draws numbers; `ways` write all of them, `loose` ones leave out what a right answer may leave out. `value` says
what the numbers mean, so that two answers are different if and only if their values are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any, Final, NamedTuple

Parts = list[Any]

Way = Callable[[Parts], str]

PRIMES: Final = (2, 3, 5, 7, 11, 13)


@dataclass(frozen=True)
class Shape:
    """One kind of answer of a type; the first way is the reference's."""

    type: str
    name: str
    draw: Callable[[Random], Parts]
    value: Callable[[Parts], Hashable]
    ways: Sequence[Way]
    loose: Sequence[Way] = ()
    options: dict[str, Any] = field(default_factory=dict)
    # What may take the place of a part that is no number, by its index.
    others: dict[int, Sequence[Any]] = field(default_factory=dict)


class Case(NamedTuple):
    """An answer, its reference, and what the item declares."""

    shape: Shape
    reference: str
    answer: str


def frac(value: Fraction) -> str:
    """As \\frac, or as an integer."""
    if value.denominator == 1:
        return str(value.numerator)
    return f"{'-' if value < 0 else ''}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def decimal(value: Fraction, places: int) -> str:
    """Exactly, for a value that so many places can write."""
    scaled = abs(value) * 10**places
    whole, rest = divmod(scaled.numerator, 10**places)
    return f"{'-' if value < 0 else ''}{whole}" + (f".{rest:0{places}}" if places else "")


def over_under(random: Random) -> Parts:
    return [random.randint(-60, 60), random.randint(2, 60)]


def small(count: int, low: int = -12, high: int = 12) -> Callable[[Random], Parts]:
    def draw(random: Random) -> Parts:
        return [random.randint(low, high) for _ in range(count)]

    return draw


def unequal(count: int, low: int = -20, high: int = 20) -> Callable[[Random], Parts]:
    def draw(random: Random) -> Parts:
        return random.sample(range(low, high), count)

    return draw


def terms(*pairs: tuple[int, str]) -> str:
    text = "".join(f"{number:+d}{symbol}" for number, symbol in pairs if number)
    return (text or "0").removeprefix("+")


def plus(number: int, symbol: str) -> str:
    return f"{number:+d}{symbol}" if number else ""
