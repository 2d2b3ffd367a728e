"""Answers whose value is known without the grader, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from tests.support.math_shapes import expressions, numbers, rest, several
from tests.support.math_shapes.shape import Case, Parts, Shape

SHAPES: Final[Sequence[Shape]] = (*numbers.SHAPES, *expressions.SHAPES, *several.SHAPES, *rest.SHAPES)
# Of these a sign that changes makes no answer of the same shape.
_POSITIVE: Final = {
    shape.draw
    for shape in SHAPES
    if shape.type in ("mixed", "percent", "scientific", "quantity", "money", "ratio", "base", "family")
    or shape.name in ("polynomial", "partial fractions", "power", "plus and minus", "line", "circle", "two variables")
    or shape.name in ("root of a prime", "logarithm")
}


def right(random: Random) -> Case:
    """The reference's value, written otherwise."""
    shape = random.choice(SHAPES)
    parts = shape.draw(random)
    return Case(shape, shape.ways[0](parts), random.choice([*shape.ways, *shape.loose])(parts))


def wrong(random: Random) -> Case:
    """One part of a right answer changed, so that its value is another one."""
    while True:
        shape = random.choice(SHAPES)
        parts = shape.draw(random)
        changed = _changed(shape, parts, random)
        if changed is None:
            continue
        try:
            other = shape.value(changed)
        except ZeroDivisionError:
            continue
        if other != shape.value(parts):
            return Case(shape, shape.ways[0](parts), random.choice(shape.ways)(changed))


def _changed(shape: Shape, parts: Parts, random: Random) -> Parts | None:
    place = random.randrange(len(parts))
    changed = list(parts)
    if place in shape.others:
        changed[place] = random.choice(shape.others[place])
        return changed
    number = parts[place]
    digits = str(abs(number))
    at = random.randrange(len(digits))
    new = random.choice("0123456789")
    value = random.choice(
        (
            int(digits[:at] + new + digits[at + 1 :]),
            int(digits[:at] + new + digits[at:]),
            int(digits[:at] + digits[at + 1 :] or "0"),
            abs(number) + 1,
            -abs(number),
        )
    )
    # A part that is never negative or zero stays so: its shape would be another one.
    value = -value if number < 0 and value != -abs(number) else value
    if number > 0 and shape.draw in _POSITIVE and value <= 0:
        return None
    changed[place] = value
    return changed
