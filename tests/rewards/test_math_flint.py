"""Enclosures and normal forms beside another program's: FLINT, by python-flint, never contradicts a verdict."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from engine.exact import grade
from tests.support.math_trees import (
    Tree,
    changed,
    constant,
    enclosed,
    expanded,
    function,
    polynomial,
    rewritten,
    written,
)

flint = pytest.importorskip("flint", reason="python-flint is not installed")

CONSTANTS, POLYNOMIALS, FUNCTIONS = 20_000, 20_000, 5_000
BITS = 256
# Of these no value is told: the rules of a type, or a bound.
NO_VALUE = ("unevaluated", "wrong type", "too large", "several answers")


def contradictions(make: Any, count: int, seed: int, points: int) -> tuple[list[str], Counter[str]]:
    """Pairs of trees, equal by their making or changed; what FLINT proves otherwise, and the verdicts."""
    random = Random(seed)
    bad: list[str] = []
    verdicts: Counter[str] = Counter()
    flint.ctx.prec = BITS
    while verdicts.total() < count:
        tree = make(random, random.randint(1, 4))
        places = [flint.arb(random.randint(1, 999)) / flint.arb(random.randint(100, 400)) for _ in range(points)]
        values = [enclosed(tree, place, flint.arb) for place in places]
        if not all(value.is_finite() for value in values):
            continue
        equal = random.random() < 0.5
        other: Tree = rewritten(tree, random) if equal else changed(tree, random)
        others = [enclosed(other, place, flint.arb) for place in places]
        apart = any(b.is_finite() and not a.overlaps(b) for a, b in zip(values, others, strict=True))
        graded = grade([written(other)], written(tree))
        verdicts[graded.verdict] += 1
        if graded.verdict == "correct" and apart:
            bad.append(f"not equal: {written(tree)} and {written(other)}: {graded}")
        if graded.verdict == "incorrect" and equal and graded.reason not in NO_VALUE:
            bad.append(f"not different: {written(tree)} and {written(other)}: {graded}")
    return bad, verdicts


def check_polynomials(count: int, seed: int) -> None:
    random = Random(seed)
    x, y = flint.fmpz_mpoly_ctx.get(("x", "y"), flint.Ordering.lex).gens()
    bad = []
    for _ in range(count):
        tree = polynomial(random, random.randint(1, 5))
        other = rewritten(tree, random) if random.random() < 0.5 else changed(tree, random)
        same = expanded(tree, x, y) == expanded(other, x, y)
        graded = grade([written(other)], written(tree))
        # A reference without letters is a number, whose answers have to be computed.
        if graded.verdict != ("correct" if same else "incorrect") and graded.reason not in NO_VALUE:
            bad.append(f"{same}: {written(tree)} and {written(other)}: {graded}")
    assert bad == []


def check_trees(make: Any, count: int, seed: int, points: int) -> None:
    bad, verdicts = contradictions(make, count, seed, points)
    assert bad == []
    assert verdicts["undecided"] <= count // 100, verdicts


def test_constants() -> None:
    check_trees(constant, CONSTANTS // 10, 1, 1)


def test_polynomials() -> None:
    check_polynomials(POLYNOMIALS // 10, 2)


def test_functions() -> None:
    check_trees(function, FUNCTIONS // 10, 3, 4)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_all_of_them(seed: int) -> None:
    check_trees(constant, CONSTANTS, 10 + seed, 1)
    check_polynomials(POLYNOMIALS, 20 + seed)
    check_trees(function, FUNCTIONS, 30 + seed, 4)
