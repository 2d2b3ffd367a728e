"""The pairs of `assay bench math`: answers and references whose verdicts are known."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import rewards
from engine.errors import BadInput
from rewards.math.item import MathItem, math_item

# In the checkout; --table is for those who have only the wheel.
TABLE: Final = Path(rewards.__file__).parent.parent / "tests" / "rewards" / "math-golden.jsonl"
# Of the table: attacks, and rows about where an answer stands or whether there is a reference at all.
HOSTILE: Final = "cheat"
_NOT_TYPICAL: Final = (HOSTILE, "extraction", "undecided")
_EQUATIONS: Final = 400
_SEED: Final = 2026


class Pair(NamedTuple):
    """An item, the type that the table or the generator gives it, and the verdict that is right."""

    item: MathItem
    type: str
    expected: str


def table(path: Path) -> list[Pair]:
    """Every row of the table of what counts. Raises BadInput if there is no such file."""
    try:
        rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_bytes().splitlines()]
    except OSError as error:
        message = f"{error.strerror}; expected tests/rewards/math-golden.jsonl of a checkout"
        raise BadInput("table", str(path), message) from error
    return [
        _pair(
            row.get("completion", f"\\boxed{{{row.get('answer')}}}"),
            row["reference"],
            row["type"],
            row["expected"],
            row.get("options", {}),
        )
        for row in rows
    ]


def sets(rows: Sequence[Pair]) -> dict[str, list[Pair]]:
    """The pairs to be measured, by the name of their set."""
    return {
        "typical": [row for row in rows if row.type not in _NOT_TYPICAL],
        "equation-heavy": list(equations()),
        "hostile": [row for row in rows if row.type == HOSTILE],
    }


def equations() -> Iterator[Pair]:
    """Algebra by the pound, right and wrong in turn; the same in every run."""
    random_ = random.Random(_SEED)
    for number in range(_EQUATIONS):
        make = _SHAPES[number % len(_SHAPES)]
        reference, right, wrong = make(random_)
        good = number // len(_SHAPES) % 2 == 0
        answer, verdict = (right, "correct") if good else (wrong, "incorrect")
        yield _pair(f"\\boxed{{{answer}}}", reference, make.__name__.strip("_"), verdict, {})


def _pair(completion: str, reference: str, kind: str, expected: str, options: dict[str, Any]) -> Pair:
    return Pair(math_item({"completion": completion, "reference": reference, **options}), kind, expected)


def _polynomial(random_: random.Random) -> tuple[str, str, str]:
    """Factors, multiplied out."""
    roots = [random_.randint(-9, 9) for _ in range(random_.randint(3, 6))]
    terms = _expanded(roots)
    wrong = [*terms[:-1], terms[-1] + random_.choice((-1, 1))]
    return _factors(roots), _terms(terms), _terms(wrong)


def _rational_function(random_: random.Random) -> tuple[str, str, str]:
    """Two fractions on one line."""
    a, b, p, q = (random_.randint(1, 9) for _ in range(4))
    q += p == q
    reference = f"\\frac{{{a}}}{{x-{p}}}+\\frac{{{b}}}{{x-{q}}}"
    below = _terms(_expanded([p, q]))
    over = [a + b, -(a * q + b * p)]
    wrong = [over[0], over[1] + 1]
    return reference, f"\\frac{{{_terms(over)}}}{{{below}}}", f"\\frac{{{_terms(wrong)}}}{{{below}}}"


def _line(random_: random.Random) -> tuple[str, str, str]:
    """A line, scaled and turned round."""
    a, b, c, times = random_.randint(1, 9), random_.randint(1, 9), random_.randint(-9, 9), random_.randint(2, 7)
    right = f"{b * times}y={c * times}-{a * times}x"
    return f"{a}x+{b}y={c}", right, f"{b * times}y={c * times}+{a * times}x"


def _circle(random_: random.Random) -> tuple[str, str, str]:
    """A circle, multiplied out."""
    a, b, r = random_.randint(1, 9), random_.randint(1, 9), random_.randint(1, 9)
    rest = a * a + b * b - r * r
    right = f"x^2+y^2-{2 * a}x-{2 * b}y{rest:+d}=0"
    return f"(x-{a})^2+(y-{b})^2={r * r}", right, f"x^2+y^2-{2 * a}x-{2 * b}y{rest + 1:+d}=0"


def _radicals(random_: random.Random) -> tuple[str, str, str]:
    """A root below the line, made rational."""
    a, p, q = random_.randint(1, 9), random_.choice((2, 3, 5, 7)), random_.choice((11, 13, 17, 19))
    reference = f"\\frac{{{a}}}{{\\sqrt{{{q}}}-\\sqrt{{{p}}}}}"
    right = f"\\frac{{{a}\\left(\\sqrt{{{q}}}+\\sqrt{{{p}}}\\right)}}{{{q - p}}}"
    return reference, right, right.replace(f"{{{q - p}}}", f"{{{q + p}}}")


def _trigonometry(random_: random.Random) -> tuple[str, str, str]:
    """A sum of angles."""
    a, b = random_.randint(2, 5), random_.randint(1, 4)
    reference = f"\\sin({a}x)\\cos({b}x)+\\cos({a}x)\\sin({b}x)"
    return reference, f"\\sin({a + b}x)", f"\\sin({a + b}x)+\\sin({b}x)"


def _exponentials(random_: random.Random) -> tuple[str, str, str]:
    """Powers of one base and its logarithm."""
    a, b = random_.randint(2, 5), random_.randint(1, 4)
    return (
        f"e^{{{a}x}}\\cdot e^{{-{b}x}}+\\ln {a * b}",
        f"e^{{{a - b}x}}+\\ln {a}+\\ln {b}",
        f"e^{{{a + b}x}}+\\ln {a * b}",
    )


def _roots_of(random_: random.Random) -> tuple[str, str, str]:
    """Both solutions of a quadratic equation, as a set and with one sign for two."""
    a, c = random_.randint(1, 9), random_.choice((2, 3, 5, 6, 7, 10, 11))
    reference = f"\\{{{a}-\\sqrt{{{c}}},{a}+\\sqrt{{{c}}}\\}}"
    return reference, f"{a}\\pm\\sqrt{{{c}}}", f"{a}\\pm\\sqrt{{{c + 1}}}"


_SHAPES: Final[Sequence[Callable[[random.Random], tuple[str, str, str]]]] = (
    _polynomial,
    _rational_function,
    _line,
    _circle,
    _radicals,
    _trigonometry,
    _exponentials,
    _roots_of,
)


def _expanded(roots: Sequence[int]) -> list[int]:
    """The coefficients of the product of x - root, from the highest."""
    coefficients = [1]
    for root in roots:
        shifted = [*coefficients, 0]
        for place, coefficient in enumerate(coefficients):
            shifted[place + 1] -= root * coefficient
        coefficients = shifted
    return coefficients


def _factors(roots: Sequence[int]) -> str:
    return "".join(f"(x{-root:+d})" for root in roots)


def _terms(coefficients: Sequence[int]) -> str:
    degree = len(coefficients) - 1
    terms = [f"{value:+d}x^{{{degree - place}}}" for place, value in enumerate(coefficients[:-1]) if value]
    return "".join(terms).removeprefix("+") + f"{coefficients[-1]:+d}"
