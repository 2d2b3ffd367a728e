"""Numbers and constants."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from fractions import Fraction
from random import Random
from typing import Final

from tests.support.math_shapes.shape import PRIMES, Parts, Shape, decimal, frac, over_under


def _integer(random: Random) -> Parts:
    return [random.choice((1, -1)) * random.randint(0, 10 ** random.randint(1, 9))]


def _mixed(random: Random) -> Parts:
    under = random.randint(2, 20)
    return [random.randint(1, 30), random.randint(1, under - 1), under]


def _mixed_value(parts: Parts) -> Hashable:
    # A mixed number's fraction is a proper one; what is not is no number at all.
    return parts[0] + Fraction(parts[1], parts[2]) if 0 < parts[1] < parts[2] and parts[0] > 0 else ("no", *parts)


def _decimal(random: Random) -> Parts:
    return [random.randint(-9999, 9999) * 10 + 5]


def _percent(random: Random) -> Parts:
    return [random.randint(1, 99)]


def _scientific(random: Random) -> Parts:
    return [random.randint(101, 999), random.randint(3, 12)]


def _surd(random: Random) -> Parts:
    return [random.randint(-30, 30), random.randint(1, 9), random.choice((2, 3, 5, 6, 7, 10)), random.randint(1, 12)]


def _surd_value(parts: Parts) -> Hashable:
    a, b, radicand, under = parts
    if radicand < 0:
        return ("imaginary", Fraction(a, under), Fraction(b, under), radicand)
    for factor in range(math.isqrt(radicand), 1, -1):
        if radicand % (factor * factor) == 0:
            radicand, b = radicand // (factor * factor), b * factor
    if radicand in (0, 1) or b == 0:
        return (Fraction(a + b * radicand, under), Fraction(0), 1)
    return (Fraction(a, under), Fraction(b, under), radicand)


def _log_value(parts: Parts) -> Hashable:
    return (Fraction(parts[0], parts[1]), parts[2]) if parts[0] else 0


def _power_value(parts: Parts) -> Hashable:
    return (parts[0], Fraction(parts[1], parts[2])) if parts[1] else 1


_NUMERALS: Final = ("one", "two", "three", "seven", "eleven", "twelve", "twenty", "forty")

_NUMBERS: Final = dict(zip(_NUMERALS, (1, 2, 3, 7, 11, 12, 20, 40), strict=True))


SHAPES: Final[Sequence[Shape]] = (
    Shape(
        "integer",
        "digits",
        _integer,
        lambda p: p[0],
        [
            lambda p: f"{p[0]}",
            lambda p: f"{p[0]:,}",
            lambda p: f"{p[0]:,}".replace(",", "{,}"),
            lambda p: f"{p[0]:,}".replace(",", "\\,"),
            lambda p: f"{p[0]}.0",
            lambda p: f"\\frac{{{3 * p[0]}}}{{3}}",
            lambda p: f"${p[0]}$",
            lambda p: f"x = {p[0]}",
            lambda p: f"\\left({p[0]}\\right)",
            lambda p: f"{p[0]}\\text{{ apples}}",
        ],
    ),
    Shape(
        "integer",
        "words",
        lambda random: [random.choice(_NUMERALS)],
        lambda p: _NUMBERS[p[0]],
        [lambda p: str(_NUMBERS[p[0]]), lambda p: p[0], lambda p: f"\\text{{{p[0]}}}", lambda p: p[0].capitalize()],
        others={0: _NUMERALS},
    ),
    Shape(
        "integer",
        "power",
        lambda random: [random.randint(2, 9), random.randint(2, 9)],
        lambda p: Fraction(p[0]) ** p[1],
        [lambda p: str(Fraction(p[0]) ** p[1]), lambda p: f"{p[0]}^{{{p[1]}}}" if p[0] > 0 else "0^0"],
    ),
    Shape(
        "rational",
        "quotient",
        over_under,
        lambda p: Fraction(p[0], p[1]),
        [
            lambda p: frac(Fraction(p[0], p[1])),
            lambda p: f"\\dfrac{{{p[0]}}}{{{p[1]}}}",
            lambda p: f"\\frac{{{5 * p[0]}}}{{{5 * p[1]}}}",
            lambda p: f"{p[0]}/{p[1]}",
            lambda p: f"{{{p[0]} \\over {p[1]}}}",
            lambda p: f"\\frac{{{-p[0]}}}{{{-p[1]}}}",
        ],
    ),
    Shape(
        "rational",
        "eighths",
        lambda random: [random.randint(-99, 99) * 2 + 1],
        lambda p: p[0],
        [lambda p: frac(Fraction(p[0], 8)), lambda p: decimal(Fraction(p[0], 8), 3)],
    ),
    Shape(
        "mixed",
        "mixed number",
        _mixed,
        _mixed_value,
        [
            lambda p: f"{p[0]}\\frac{{{p[1]}}}{{{p[2]}}}",
            lambda p: f"{p[0]} {p[1]}/{p[2]}",
            lambda p: f"{p[0]} \\frac{{{p[1]}}}{{{p[2]}}}",
        ],
    ),
    Shape(
        "decimal",
        "exact",
        _decimal,
        lambda p: p[0],
        [
            lambda p: decimal(Fraction(p[0], 100), 2),
            lambda p: decimal(Fraction(p[0], 100), 3),
            lambda p: frac(Fraction(p[0], 100)),
        ],
        options={"decimals": "exact"},
    ),
    Shape(
        "percent",
        "sign",
        _percent,
        lambda p: p[0],
        [lambda p: f"{p[0]}\\%", lambda p: f"{p[0]}%", lambda p: f"{p[0]} percent"],
        [lambda p: f"{p[0]}", lambda p: decimal(Fraction(p[0], 100), 2)],
    ),
    Shape(
        "scientific",
        "power of ten",
        _scientific,
        lambda p: Fraction(p[0]) * Fraction(10) ** p[1],
        [
            lambda p: f"{decimal(Fraction(p[0], 100), 2)} \\times 10^{{{p[1] + 2}}}",
            lambda p: f"{decimal(Fraction(p[0], 100), 2)}e{p[1] + 2}",
            lambda p: f"{decimal(Fraction(p[0], 10), 1)} \\cdot 10^{{{p[1] + 1}}}",
            lambda p: f"{p[0]}e{p[1]}",
        ],
    ),
    Shape(
        "constant",
        "surd",
        _surd,
        _surd_value,
        [
            lambda p: f"\\frac{{{p[0]}{p[1]:+d}\\sqrt{{{p[2]}}}}}{{{p[3]}}}",
            lambda p: f"\\frac{{{p[0]}}}{{{p[3]}}}{p[1]:+d}\\cdot\\frac{{\\sqrt{{{p[2]}}}}}{{{p[3]}}}",
            lambda p: f"({p[1]}*sqrt({p[2]}){p[0]:+d})/{p[3]}",
            lambda p: f"\\frac{{1}}{{{p[3]}}}\\left({p[0]}{p[1]:+d}\\cdot {p[2]}^{{1/2}}\\right)",
        ],
    ),
    Shape(
        "constant",
        "pi",
        over_under,
        lambda p: Fraction(p[0], p[1]),
        [
            lambda p: f"\\frac{{{p[0]}\\pi}}{{{p[1]}}}",
            lambda p: f"\\frac{{{p[0]}}}{{{p[1]}}}\\pi",
            lambda p: f"{p[0]}\\pi/{p[1]}",
            lambda p: f"\\frac{{\\pi}}{{{p[1]}}} \\cdot {p[0]}" if p[0] >= 0 else f"-\\frac{{{-p[0]}\\pi}}{{{p[1]}}}",
        ],
    ),
    Shape(
        "constant",
        "logarithm",
        lambda random: [random.randint(1, 9), random.randint(2, 9), random.choice(PRIMES)],
        _log_value,
        [
            lambda p: f"\\frac{{{p[0]}}}{{{p[1]}}}\\ln {p[2]}",
            lambda p: f"\\frac{{{p[0]}\\ln({p[2]})}}{{{p[1]}}}",
            lambda p: f"\\frac{{\\ln({p[2]}^{{{p[0]}}})}}{{{p[1]}}}",
        ],
        others={2: PRIMES},
    ),
    Shape(
        "constant",
        "root of a prime",
        lambda random: [random.choice(PRIMES), random.randint(1, 5), random.randint(2, 5)],
        _power_value,
        [
            lambda p: f"{p[0]}^{{{p[1]}/{p[2]}}}",
            lambda p: f"{p[0]}^{{\\frac{{{p[1]}}}{{{p[2]}}}}}",
            lambda p: f"\\sqrt[{p[2]}]{{{p[0]}^{{{p[1]}}}}}",
        ],
        others={0: PRIMES, 1: (1, 2, 3, 4, 5, 6, 7), 2: (2, 3, 4, 5, 6, 7)},
    ),
    Shape(
        "complex",
        "parts",
        lambda random: [random.randint(-20, 20), random.choice((1, -1)) * random.randint(1, 20)],
        tuple,
        [
            lambda p: f"{p[0]}{p[1]:+d}i",
            lambda p: f"{p[1]}i{p[0]:+d}",
            lambda p: f"\\frac{{{2 * p[0]}{2 * p[1]:+d}i}}{{2}}",
            lambda p: f"{p[0]} + ({p[1]})i",
        ],
    ),
)
