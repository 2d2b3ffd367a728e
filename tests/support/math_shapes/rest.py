"""Units, money, angles, times, ratios, bases, choices and words."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction
from random import Random
from typing import Final

from tests.support.math_shapes.shape import Parts, Shape

_METRES: Final = {"m": 1, "cm": Fraction(1, 100), "km": 1000, "mm": Fraction(1, 1000)}

_UNITS: Final = {**{name: ("m", size) for name, size in _METRES.items()}, "kg": ("g", 1), "s": ("s", 1)}


def _quantity_value(parts: Parts) -> Hashable:
    dimension, size = _UNITS[parts[1]]
    return (parts[0] * size, dimension) if parts[0] else ("none", parts[1])


def _time(random: Random) -> Parts:
    return [random.randint(1, 12), random.randint(10, 59), random.choice(("AM", "PM"))]


def _base(random: Random) -> Parts:
    base = random.randint(4, 9)
    return [int("".join(str(random.randint(1, 3)) for _ in range(random.randint(2, 6)))), base]


def _base_value(parts: Parts) -> Hashable:
    return tuple(parts)


def _choice(random: Random) -> Parts:
    return [random.choice("ABCDE")]


_NAMES: Final = ("Ohio", "Navin", "Boston", "Tuesday", "red", "hexagon", "parabola", "Evelyn", "infinite plane")


SHAPES: Final[Sequence[Shape]] = (
    Shape(
        "quantity",
        "length, mass, time",
        lambda random: [random.randint(1, 400), random.choice(("m", "cm", "km", "kg", "s"))],
        _quantity_value,
        [
            lambda p: f"{p[0]}\\text{{ {p[1]}}}",
            lambda p: f"{p[0]}\\ \\mathrm{{{p[1]}}}",
            lambda p: f"{p[0]} {p[1]}",
            lambda p: f"{1000 * p[0]}\\text{{ m}}" if p[1] == "km" else f"{p[0]}\\text{{ {p[1]}}}",
        ],
        [lambda p: f"{p[0]}"],
        others={1: sorted(_UNITS)},
    ),
    Shape(
        "money",
        "dollars",
        lambda random: [random.randint(1, 900), "\\$"],
        tuple,
        [
            lambda p: f"{p[1]}{p[0]}",
            lambda p: f"{p[1]}{p[0]}.00",
            lambda p: f"{p[0]}\\text{{ dollars}}" if p[1] == "\\$" else f"{p[1]}{p[0]}",
        ],
        [lambda p: f"{p[0]}", lambda p: f"{100 * p[0]}\\text{{ cents}}"],
        others={1: ("\\$", "€", "£")},
    ),
    Shape(
        "angle",
        "degrees",
        lambda random: [random.randint(1, 359)],
        lambda p: p[0],
        [
            lambda p: f"{p[0]}^\\circ",
            lambda p: f"{p[0]}°",
            lambda p: f"{p[0]} \\text{{ degrees}}",
            lambda p: f"\\frac{{{p[0]}\\pi}}{{180}}",
        ],
        [lambda p: f"{p[0]}"],
    ),
    Shape(
        "time",
        "half of the day",
        _time,
        tuple,
        [
            lambda p: f"{p[0]}:{p[1]}\\text{{ {p[2]}}}",
            lambda p: f"{p[0]}:{p[1]} {p[2].lower()}",
            lambda p: f"{p[0]}:{p[1]} {p[2][0].lower()}.m.",
        ],
        others={0: range(1, 13), 1: range(10, 60), 2: ("AM", "PM")},
    ),
    Shape(
        "ratio",
        "declared",
        lambda random: [random.randint(1, 20), random.randint(1, 20)],
        lambda p: Fraction(p[0], p[1]),
        [
            lambda p: f"{p[0]}:{p[1]}",
            lambda p: f"{3 * p[0]}:{3 * p[1]}",
            lambda p: f"{p[0]} : {p[1]}",
            lambda p: f"\\frac{{{p[0]}}}{{{p[1]}}}",
        ],
        options={"type": "ratio"},
    ),
    Shape(
        "base",
        "digits",
        _base,
        _base_value,
        [lambda p: f"{p[0]}_{{{p[1]}}}", lambda p: f"{p[0]}_{p[1]}"],
        [lambda p: f"{p[0]}"],
        others={1: range(4, 10)},
    ),
    Shape(
        "choice",
        "letter",
        _choice,
        lambda p: p[0],
        [
            lambda p: p[0],
            lambda p: p[0].lower(),
            lambda p: f"({p[0]})",
            lambda p: f"\\text{{({p[0]})}}",
            lambda p: f"{p[0]}.",
        ],
        options={"type": "choice"},
        others={0: "ABCDEF"},
    ),
    Shape(
        "yesno",
        "yes or no",
        lambda random: [random.random() < 0.5],
        lambda p: p[0],
        [
            lambda p: "Yes" if p[0] else "No",
            lambda p: "\\text{yes}" if p[0] else "\\text{no}",
            lambda p: "True" if p[0] else "False",
        ],
        others={0: (True, False)},
    ),
    Shape(
        "text",
        "name",
        lambda random: [random.choice(_NAMES)],
        lambda p: p[0],
        [
            lambda p: f"\\text{{{p[0]}}}",
            lambda p: p[0],
            lambda p: f"the {p[0].lower()}",
            lambda p: f"\\mathrm{{{p[0]}}}",
        ],
        others={0: _NAMES},
    ),
)
