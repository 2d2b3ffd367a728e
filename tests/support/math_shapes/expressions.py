"""Expressions, equations, inequalities and families."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction
from random import Random
from typing import Final

from tests.support.math_shapes.shape import Parts, Shape, frac, over_under, plus, small, terms


def _polynomial(parts: Parts) -> list[int]:
    """Coefficients of c (x - r) (x - s) (x - t)."""
    coefficients = [parts[0]]
    for root in parts[1:]:
        shifted = [*coefficients, 0]
        for place, coefficient in enumerate(coefficients):
            shifted[place + 1] -= root * coefficient
        coefficients = shifted
    return coefficients


def _monomials(parts: Parts) -> list[str]:
    degree = len(parts) - 1
    return [f"{value:+d}x^{{{degree - place}}}" for place, value in enumerate(_polynomial(parts))]


def _line_value(parts: Parts) -> Hashable:
    a, b, c = parts
    if a == b == 0:
        return ("none", c == 0)
    scale = a if a else b
    return tuple(Fraction(part, scale) for part in parts)


_TURNED: Final = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le"}


def _bound(random: Random) -> Parts:
    return [random.choice(sorted(_TURNED)), *over_under(random)]


def _bound_interval(parts: Parts) -> str:
    end = frac(Fraction(parts[1], parts[2]))
    if parts[0] in ("<", "\\le"):
        return f"(-\\infty, {end}{')' if parts[0] == '<' else ']'}"
    return f"{'(' if parts[0] == '>' else '['}{end}, \\infty)"


def _family(random: Random) -> Parts:
    return [random.randint(-5, 5), random.randint(2, 6), random.randint(1, 3)]


def _family_value(parts: Parts) -> Hashable:
    period = Fraction(abs(parts[2]))
    return (Fraction(parts[0], parts[1]) % period, period) if period else ("point", Fraction(parts[0], parts[1]))


def _shares(parts: Parts) -> Hashable:
    a, p, b, q = parts
    if p == q:
        return frozenset({(p, a + b)} if a + b else ())
    return frozenset((at, over) for at, over in ((p, a), (q, b)) if over)


SHAPES: Final[Sequence[Shape]] = (
    Shape(
        "expression",
        "polynomial",
        small(4, 1, 9),
        lambda p: tuple(_polynomial(p)),
        [
            lambda p: f"{p[0]}" + "".join(f"(x{-root:+d})" for root in p[1:]),
            lambda p: "".join(_monomials(p)),
            lambda p: "".join(reversed(_monomials(p))),
            lambda p: f"{p[0]}" + "".join(f" \\cdot \\left(x{-root:+d}\\right)" for root in reversed(p[1:])),
            lambda p: "y = " + "".join(_monomials(p)),
        ],
    ),
    Shape(
        "expression",
        "partial fractions",
        lambda random: [
            random.randint(1, 9),
            *(pair := random.sample(range(1, 9), 2))[:1],
            random.randint(1, 9),
            pair[1],
        ],
        _shares,
        [
            lambda p: f"\\frac{{{p[0]}}}{{x{-p[1]:+d}}}+\\frac{{{p[2]}}}{{x{-p[3]:+d}}}",
            lambda p: f"\\frac{{{p[2]}}}{{x{-p[3]:+d}}}+\\frac{{{p[0]}}}{{x{-p[1]:+d}}}",
            lambda p: (
                f"\\frac{{{terms((p[0] + p[2], 'x'), (-p[0] * p[3] - p[2] * p[1], ''))}}}{{(x{-p[1]:+d})(x{-p[3]:+d})}}"
            ),
        ],
    ),
    Shape(
        "expression",
        "sine of a sum",
        lambda random: [random.randint(1, 5), random.randint(1, 5)],
        lambda p: p[0] + p[1],
        [
            lambda p: f"\\sin({p[0]}x)\\cos({p[1]}x)+\\cos({p[0]}x)\\sin({p[1]}x)",
            lambda p: f"\\sin({p[0] + p[1]}x)",
            lambda p: f"-\\sin({-p[0] - p[1]}x)",
        ],
    ),
    Shape(
        "expression",
        "exponential",
        lambda random: [random.randint(1, 9), random.randint(1, 9), random.randint(1, 9)],
        lambda p: (p[0], p[1], p[2]) if p[0] else ("none", p[2]),
        [
            lambda p: f"{p[0]}e^{{{p[1]}x}}{p[2]:+d}",
            lambda p: f"{p[2]}{p[0]:+d}\\left(e^x\\right)^{{{p[1]}}}",
            lambda p: f"\\frac{{{p[0]}}}{{e^{{{-p[1]}x}}}}{p[2]:+d}",
        ],
    ),
    Shape(
        "expression",
        "root",
        lambda random: [random.randint(2, 9), random.randint(-9, 9), random.randint(1, 9)],
        tuple,
        [
            lambda p: f"{p[0]}\\sqrt{{x{p[1]:+d}}}{p[2]:+d}",
            lambda p: f"{p[2]}{p[0]:+d}(x{p[1]:+d})^{{1/2}}",
            lambda p: f"{p[0]}\\sqrt{{{p[1]}+x}}{p[2]:+d}",
        ],
    ),
    Shape(
        "expression",
        "two variables",
        small(3, 1, 9),
        tuple,
        [
            lambda p: terms((p[0], "x^2"), (p[1], "xy"), (p[2], "y^3")),
            lambda p: terms((p[2], "y^3"), (p[1], "yx"), (p[0], "x^2")),
            lambda p: f"x({terms((p[0], 'x'), (p[1], 'y'))}){p[2]:+d}y \\cdot y^2",
        ],
    ),
    Shape(
        "equation",
        "line",
        small(3, 1, 9),
        _line_value,
        [
            lambda p: f"{terms((p[0], 'x'), (p[1], 'y'))} = {p[2]}",
            lambda p: f"{p[2]} = {terms((p[1], 'y'), (p[0], 'x'))}",
            lambda p: f"{terms((3 * p[0], 'x'), (3 * p[1], 'y'), (-3 * p[2], ''))} = 0",
            lambda p: f"{terms((p[1], 'y'))} = {terms((p[2], ''), (-p[0], 'x'))}",
        ],
    ),
    Shape(
        "equation",
        "circle",
        small(3, 1, 9),
        lambda p: (p[0], p[1], p[2] * p[2]),
        [
            lambda p: f"(x{-p[0]:+d})^2+(y{-p[1]:+d})^2={p[2] * p[2]}",
            lambda p: f"(y{-p[1]:+d})^2+(x{-p[0]:+d})^2={p[2]}^2" if p[2] > 0 else f"(y{-p[1]:+d})^2={p[2]}",
            lambda p: f"x^2+y^2{plus(-2 * p[0], 'x')}{plus(-2 * p[1], 'y')}={p[2] * p[2] - p[0] * p[0] - p[1] * p[1]}",
        ],
        others={2: range(1, 12)},
    ),
    Shape(
        "equation",
        "named values",
        lambda random: [random.randint(-20, 20), random.randint(-20, 20)],
        tuple,
        [lambda p: f"x = {p[0]}, y = {p[1]}", lambda p: f"y = {p[1]}, x = {p[0]}", lambda p: f"({p[0]}, {p[1]})"],
    ),
    Shape(
        "inequality",
        "bound",
        _bound,
        lambda p: (p[0], Fraction(p[1], p[2])),
        [
            lambda p: f"x {p[0]} {frac(Fraction(p[1], p[2]))}",
            lambda p: f"{frac(Fraction(p[1], p[2]))} {_TURNED[p[0]]} x",
            lambda p: f"{p[2]}x {p[0] if p[2] > 0 else _TURNED[p[0]]} {p[1]}",
            _bound_interval,
        ],
        others={0: sorted(_TURNED)},
    ),
    Shape(
        "family",
        "antiderivative",
        lambda random: [random.randint(1, 9), random.randint(2, 9)],
        tuple,
        [
            lambda p: f"{p[0]}x^{{{p[1]}}}+C",
            lambda p: f"C+{p[0]}x^{{{p[1]}}}",
            lambda p: f"{p[0]}x^{{{p[1]}}}+K",
            lambda p: f"{p[0]}x^{{{p[1]}}}+C-3",
        ],
    ),
    Shape(
        "family",
        "angles",
        _family,
        _family_value,
        [
            lambda p: f"\\frac{{{p[0]}\\pi}}{{{p[1]}}}+{p[2]}k\\pi",
            lambda p: f"\\frac{{{p[0]}\\pi}}{{{p[1]}}}+{p[2]}n\\pi",
            lambda p: f"\\frac{{{p[0]}\\pi}}{{{p[1]}}}-{p[2]}k\\pi",
            lambda p: f"\\frac{{{p[0] + p[1] * p[2]}\\pi}}{{{p[1]}}}+{p[2]}k\\pi",
        ],
        options={"parameters": ["k"]},
    ),
)
