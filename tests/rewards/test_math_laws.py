"""What holds for every answer: rewritten right ones, changed wrong ones, and the laws of a judge."""

from __future__ import annotations

import threading
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.exact import Graded, grade, grade_many
from tests.rewards.test_math_golden import ROWS

SMALL = st.integers(-30, 30)
AROUND = ("TEXT", "$TEXT$", r"\(TEXT\)", " TEXT ", "TEXT.", "**TEXT**", r"\left(TEXT\right)", r"\boxed{TEXT}", "{TEXT}")
PLENTY = settings(max_examples=1_000, deadline=None)


def judged(answer: str, reference: str) -> Graded:
    return grade([answer], reference)


def dressed(draw: st.DrawFn, text: str) -> str:
    """The text with spaces, delimiters or sizes around it, as models write them."""
    return draw(st.sampled_from(AROUND)).replace("TEXT", text)


@st.composite
def rationals(draw: st.DrawFn) -> tuple[str, str]:
    """A fraction, and another way to write it."""
    value = Fraction(draw(SMALL), draw(st.integers(1, 40)))
    times = draw(st.integers(1, 12))
    over, under = value.numerator * times, value.denominator * times
    sign, size = ("-" if over < 0 else ""), abs(over)
    ways = [
        f"\\frac{{{over}}}{{{under}}}",
        f"\\dfrac{{{over}}}{{{under}}}",
        f"{sign}\\tfrac{{{size}}}{{{under}}}",
        f"{over}/{under}",
        f"{{{over} \\over {under}}}",
        f"\\frac{{{-over}}}{{{-under}}}",
    ]
    if size > under and size % under:
        ways.append(f"{sign}{size // under}\\frac{{{size % under}}}{{{under}}}")
    if value.denominator == 1:
        ways += [f"{value.numerator}.0", f"{value.numerator} \\text{{ apples}}", f"x = {value.numerator}"]
    reference = (
        str(value.numerator) if value.denominator == 1 else f"\\frac{{{value.numerator}}}{{{value.denominator}}}"
    )
    return reference, dressed(draw, draw(st.sampled_from(ways)))


@st.composite
def polynomials(draw: st.DrawFn) -> tuple[str, str]:
    """A product of linear factors, and the same with factors turned, scaled or multiplied out."""
    roots = draw(st.lists(st.integers(-9, 9), min_size=1, max_size=4))
    factors = [f"(x{-root:+d})" for root in roots]
    coefficients = [1]
    for root in roots:
        shifted = [*coefficients, 0]
        for place, coefficient in enumerate(coefficients):
            shifted[place + 1] -= root * coefficient
        coefficients = shifted
    degree = len(roots)
    terms = [f"{c:+d}*x^{{{degree - place}}}" for place, c in enumerate(coefficients)]
    ways = ["".join(draw(st.permutations(factors))), " ".join(draw(st.permutations(terms))), " \\cdot ".join(factors)]
    one, other = draw(st.permutations(ways))[:2]
    return one, other


@st.composite
def roots(draw: st.DrawFn) -> tuple[str, str]:
    """A sum of a number and a root, with the factor under or before the root, as one fraction or two."""
    a, b, under = draw(SMALL), draw(st.integers(1, 9)), draw(st.integers(1, 12))
    radicand = draw(st.sampled_from([2, 3, 5, 6, 7, 10, 11, 13]))
    square = b * b * radicand
    reference = f"\\frac{{{a}+{b}\\sqrt{{{radicand}}}}}{{{under}}}"
    ways = [
        f"\\frac{{{a}+\\sqrt{{{square}}}}}{{{under}}}",
        f"\\frac{{{a}}}{{{under}}}+\\frac{{{b}\\sqrt{{{radicand}}}}}{{{under}}}",
        f"\\frac{{{b}\\cdot {radicand}^{{1/2}}+{a}}}{{{under}}}".replace("+-", "-"),
        f"({a}+{b}*sqrt({radicand}))/{under}",
        f"\\frac{{1}}{{{under}}}\\left({b}\\sqrt{{{radicand}}}+{a}\\right)".replace("+-", "-"),
    ]
    return reference, draw(st.sampled_from(ways))


@PLENTY
@given(rationals() | polynomials() | roots())
def test_a_right_answer_written_otherwise_is_right(pair: tuple[str, str]) -> None:
    reference, answer = pair
    assert judged(answer, reference).verdict == "correct"


@PLENTY
@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_integers_with_separators(value: int, other: int) -> None:
    for separator in (",", "{,}", "\\,", " ", ",\\!"):
        style = f"{value:,}".replace(",", separator)
        assert judged(style, str(value)).verdict == "correct"
        assert judged(style, str(other)).verdict == ("correct" if other == value else "incorrect")


@PLENTY
@given(st.lists(SMALL, min_size=2, max_size=5, unique=True), st.randoms(use_true_random=False))
def test_sets_in_any_order_and_tuples_in_theirs(values: list[int], random: object) -> None:
    shuffled = sorted(values, key=lambda value: hash((value, str(random))))
    texts, mixed = ", ".join(map(str, values)), ", ".join(map(str, shuffled))
    assert judged(f"\\{{{mixed}\\}}", f"\\{{{texts}\\}}").verdict == "correct"
    assert judged(mixed, texts).verdict == "correct"
    longer = (f"({mixed}, 99)", f"({texts}, 99)")
    assert judged(*longer).verdict == ("correct" if shuffled == values else "incorrect")


@PLENTY
@given(SMALL, st.integers(1, 9), st.sampled_from([2, 3, 5, 6, 7, 10]), st.integers(1, 12), st.data())
def test_a_changed_number_is_wrong(a: int, b: int, radicand: int, under: int, data: st.DataObject) -> None:
    parts = [a, b, radicand, under]
    changed = list(parts)
    place = data.draw(st.integers(0, 3))
    changed[place] = data.draw(st.integers(1, 99))
    reference, answer = written(parts), data.draw(st.sampled_from([written, otherwise]))(changed)
    same = values(parts) == values(changed)
    assert judged(answer, reference).verdict == ("correct" if same else "incorrect")
    assert judged(reference, answer).verdict == ("correct" if same else "incorrect")


def written(parts: list[int]) -> str:
    """(a + b sqrt(c)) / d"""
    return f"\\frac{{{parts[0]}+{parts[1]}\\sqrt{{{parts[2]}}}}}{{{parts[3]}}}"


def otherwise(parts: list[int]) -> str:
    a, b, radicand, under = parts
    return f"\\frac{{{a}}}{{{under}}}+\\sqrt{{\\frac{{{b * b * radicand}}}{{{under * under}}}}}"


def values(parts: list[int]) -> tuple[Fraction, Fraction, int]:
    """The rational part, the factor of the root and its squarefree radicand: all there is to it."""
    a, b, radicand, under = parts
    for factor in range(radicand, 1, -1):
        if radicand % (factor * factor) == 0:
            radicand, b = radicand // (factor * factor), b * factor
    whole = Fraction(b, under) if radicand == 1 else Fraction(0)
    return (Fraction(a, under) + whole, Fraction(b, under) - whole, radicand)


def test_every_reference_of_the_table_is_itself() -> None:
    for row in ROWS:
        if not row.get("options") and row["expected"] != "undecided":
            assert judged(row["reference"], row["reference"]).verdict == "correct", row["reference"]


def test_no_verdict_depends_on_order_threads_or_what_came_before() -> None:
    rows = [row for row in ROWS if "answer" in row and not row.get("options")]
    pairs = [([row["answer"]], row["reference"], None) for row in rows]
    alone = [grade(answers, reference) for answers, reference, _ in pairs]
    assert grade_many(pairs) == alone
    assert grade_many(pairs[::-1])[::-1] == alone
    found: list[list[Graded]] = []
    threads = [threading.Thread(target=lambda: found.append(grade_many(pairs))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 4
