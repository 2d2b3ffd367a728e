"""What has several elements: intervals, sets, lists, tuples, matrices."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from random import Random
from typing import Final

from tests.support.math_shapes.shape import Parts, Shape, small, unequal


def _interval(random: Random) -> Parts:
    low = random.randint(-20, 20)
    return [random.choice("(["), low, low + random.randint(1, 20), random.choice(")]")]


def _interval_value(parts: Parts) -> Hashable:
    return tuple(parts) if parts[1] < parts[2] else ("no", *parts)


def _as_inequality(parts: Parts) -> str:
    left, right_ = ("\\le" if parts[0] == "[" else "<"), ("\\le" if parts[3] == "]" else "<")
    return f"{parts[1]} {left} x {right_} {parts[2]}"


def _outside(parts: Parts) -> str:
    below, above = ("<" if parts[1] == ")" else "\\le"), (">" if parts[2] == "(" else "\\ge")
    return f"x {below} {parts[0]} \\text{{ or }} x {above} {parts[3]}"


def _pm(matrix: str, kind: str) -> str:
    return f"\\begin{{{kind}}}{matrix}\\end{{{kind}}}"


def _rows(parts: Parts, times: int = 1) -> str:
    a, b, c, d = (times * part for part in parts)
    return f"{a} & {b} \\\\ {c} & {d}"


SHAPES: Final[Sequence[Shape]] = (
    Shape(
        "interval",
        "brackets",
        _interval,
        _interval_value,
        [
            lambda p: f"{p[0]}{p[1]},{p[2]}{p[3]}",
            lambda p: f"\\left{p[0]}{p[1]}, {p[2]}\\right{p[3]}",
            _as_inequality,
            lambda p: f"x \\in {p[0]}{p[1]},{p[2]}{p[3]}",
        ],
        options={"type": "interval"},
        others={0: "([", 3: ")]"},
    ),
    Shape(
        "interval",
        "union",
        lambda random: [random.randint(-20, 0), random.choice(")]"), random.choice("(["), random.randint(1, 20)],
        lambda p: tuple(p) if p[0] < p[3] else ("all", *p),
        [
            lambda p: f"(-\\infty,{p[0]}{p[1]} \\cup {p[2]}{p[3]},\\infty)",
            lambda p: f"{p[2]}{p[3]},\\infty) \\cup (-\\infty,{p[0]}{p[1]}",
            _outside,
        ],
        others={1: ")]", 2: "(["},
    ),
    Shape(
        "set",
        "numbers",
        unequal(3),
        frozenset,
        [
            lambda p: f"\\{{{p[0]}, {p[1]}, {p[2]}\\}}",
            lambda p: f"\\{{{p[2]}, {p[0]}, {p[1]}\\}}",
            lambda p: f"{p[1]}, {p[0]}, {p[2]}",
            lambda p: f"{p[1]}, {p[0]} \\text{{ and }} {p[2]}",
            lambda p: f"x = {p[2]} \\text{{ or }} x = {p[1]} \\text{{ or }} x = {p[0]}",
        ],
    ),
    Shape(
        "list",
        "ordered",
        unequal(3, 1, 40),
        tuple,
        [
            lambda p: f"{p[0]}, {p[1]}, {p[2]}",
            lambda p: f"{p[0]},{p[1]}, {p[2]}",
            lambda p: f"({p[0]}, {p[1]}, {p[2]})",
        ],
        options={"ordered": True},
    ),
    Shape(
        "list",
        "plus and minus",
        lambda random: [random.randint(-20, 20), random.choice((2, 3, 5, 7))],
        tuple,
        [
            lambda p: f"{p[0]}-\\sqrt{{{p[1]}}}, {p[0]}+\\sqrt{{{p[1]}}}",
            lambda p: f"{p[0]} \\pm \\sqrt{{{p[1]}}}",
            lambda p: f"{p[0]}+\\sqrt{{{p[1]}}}, {p[0]}-\\sqrt{{{p[1]}}}",
        ],
    ),
    Shape(
        "tuple",
        "three",
        small(3, -30, 30),
        tuple,
        [
            lambda p: f"({p[0]}, {p[1]}, {p[2]})",
            lambda p: f"\\left({p[0]},{p[1]},{p[2]}\\right)",
            lambda p: f"\\langle {p[0]}, {p[1]}, {p[2]} \\rangle",
            lambda p: _pm(f"{p[0]} \\\\ {p[1]} \\\\ {p[2]}", "pmatrix"),
        ],
    ),
    Shape(
        "tuple",
        "pair",
        lambda random: [random.randint(5, 20), random.randint(-20, 4)],
        tuple,
        [lambda p: f"({p[0]}, {p[1]})", lambda p: f"\\left({p[0]}.0, {p[1]}\\right)", lambda p: f"({p[0]},{p[1]})"],
    ),
    Shape(
        "matrix",
        "two by two",
        small(4),
        tuple,
        [
            lambda p: _pm(_rows(p), "pmatrix"),
            lambda p: _pm(_rows(p), "bmatrix"),
            lambda p: "\\frac{1}{2}" + _pm(_rows(p, 2), "pmatrix"),
        ],
    ),
)
