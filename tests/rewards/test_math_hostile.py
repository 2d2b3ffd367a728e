"""Answers and references at every bound and one past it, and what is dear to compute: soon and in little memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from engine.exact import grade

SECONDS = 0.02
BYTES = 16 << 20
# In a process of its own, whose memory nothing else takes: the dearest pair's CPU time, and what all pairs took.
PROGRAM = """
import resource, sys, time
from engine.exact import grade
from tests.rewards.test_math_hostile import pairs

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

every = list(pairs())
grade(["1"], "1")
before, dearest = peak(), (0.0, None)
for answer, reference in every:
    spent = []
    for _ in range(3):
        began = time.thread_time()
        grade([answer], reference)
        spent.append(time.thread_time() - began)
    dearest = max(dearest, (min(spent), f"{answer[:60]} and {reference[:60]}"))
print(len(every), dearest[0], peak() - before, dearest[1])
"""


def around(limit: int) -> tuple[int, int]:
    return limit, limit + 1


def texts() -> Iterator[str]:
    """Each bound of native/src/math/bounds.rs at its limit and past it, and dear things within them."""
    for bytes_ in (*around(4_096), *around(16_384)):
        yield " " * (bytes_ - 1) + "5"
        yield "x" * bytes_
        yield "(" * bytes_
        yield "{" * bytes_
        yield "\\frac" * (bytes_ // 5)
        yield "\\sqrt{" * (bytes_ // 6)
        yield "1," * (bytes_ // 2)
    for tokens in around(2_048):
        yield "x" + "+x" * ((tokens - 1) // 2)
        yield "x" + "^x" * ((tokens - 1) // 2)
        yield "\\pm 1" * (tokens // 2)
    for depth in around(64):
        for opening, closing in (("(", ")"), ("\\sqrt{", "}"), ("\\sin(", ")"), ("\\frac{1}{1+", "}"), ("|", "|")):
            yield opening * depth + "2" + closing * depth
    for digits in around(1_000):
        yield "7" * digits
        yield "7" * (digits // 2) + "." + "3" * (digits - digits // 2)
        yield f"\\frac{{{'7' * (digits // 2)}}}{{{'9' * (digits - digits // 2)}}}"
        yield f"\\sqrt{{{'7' * digits}}}"
        yield f"\\sin({'7' * digits})"
    for exponent in around(10_000):
        yield f"10^{{{exponent}}}"
        yield f"1.5^{{{exponent}}}"
        yield f"x^{{{exponent}}}"
        yield f"(x+1)^{{{exponent}}}"
        yield f"(1+\\sqrt{{2}})^{{{exponent}}}"
        yield f"10^{{-{exponent}}}"
    for number in around(3_000):
        yield f"{number}!"
        yield f"\\frac{{1}}{{{number}!}}"
        yield f"\\binom{{{number}}}{{{number // 2}}}"
    for elements in around(256):
        yield "\\{" + ",".join(map(str, range(elements))) + "\\}"
        yield "\\{" + ",".join(f"\\sqrt{{{n}}}" for n in range(elements)) + "\\}"
        yield "(" + ",".join(f"x^{{{n}}}" for n in range(elements)) + ")"
    for variables in around(16):
        names = "abcdfghjklmnopqrstuvw"[:variables]
        yield "(" + "+".join(names) + ")^{3}"
        yield "+".join(f"\\sin({name})" for name in names)
    for degree in around(2_000):
        yield f"(x+1)^{{{degree}}}"
        yield f"x^{{{degree}}}+1"
    yield "(x+y)^{90}"
    yield "(x+y+z)^{30}"
    yield "(x+y+z+w)^{200}"
    yield "(a+b+c+d+f+g)^{9}"
    yield "\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+\\sqrt{7}+\\sqrt{11}+\\sqrt{13}+\\sqrt{17}+\\sqrt{19}"
    yield "\\frac{1}{\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+\\sqrt{7}+\\sqrt{11}+\\sqrt{13}}"
    yield "\\cos\\frac{\\pi}{4093}+\\cos\\frac{\\pi}{4091}"
    yield "e^{e^{e^{2}}}"
    yield "\\sin(10^{9999})"
    yield "\\sin(\\sin(\\sin(\\sin(\\sin(\\sin(\\sin(\\sin(x))))))))"
    yield "\\ln(\\ln(\\ln(10^{1000})))"
    yield "\\arctan(10^{-300})+\\arcsin(10^{-300})"
    yield "".join(f"\\sqrt{{x+{n}}}+" for n in range(60)) + "1"
    yield "".join(f"\\ln(x+{n})+" for n in range(60)) + "1"
    yield "".join(f"\\frac{{1}}{{x+{n}}}+" for n in range(60)) + "1"
    yield "x^{x^{x^{x}}}"


def surds(count: int) -> tuple[str, str]:
    """A set, and the same the other way round in other words."""
    others = ",".join(f"\\sqrt{{{4 * (44 + count - n)}}}" for n in range(count))
    return "\\{" + others + "\\}", "\\{" + ",".join(f"2\\sqrt{{{n + 45}}}" for n in range(count)) + "\\}"


def pairs() -> Iterator[tuple[str, str]]:
    """Each text against itself, and as an answer to references of many types."""
    # Long sums of fractions of a few words each.
    yield "\\frac{x^2}{16}+\\frac{yx}{16}+\\frac{y^2}{12}=\\frac{1}{4}", "\\binom{33}{r}=5"
    yield "1", "34^3+5xy^475-x^4y+10x^3y^2+10x^2y^35y+wwwwwwwwwx^4-y^5"
    yield surds(256)
    yield surds(256)[0], surds(256)[1].replace("2\\sqrt", "3\\sqrt")
    for text in texts():
        yield text, text
        for reference in ("1", "x", "x^2+1", "\\sqrt{2}", "\\{1,2\\}", "y=2x+3", "(0,1]", "e^{x}+\\sin(x)"):
            yield text, reference
            yield reference, text


# The same for references that are all different, as those of a data set are.
MANY = """
import resource
from engine.exact import grade

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

grade(["1"], "1")
before = peak()
for number in range(500):
    grade(["1"], f"{number}" + "+x" * 900)
print(peak() - before)
"""


def run() -> tuple[int, float, int, str]:
    command = [sys.executable, "-c", PROGRAM]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout
    count, seconds, bytes_, which = said.split(" ", 3)
    return int(count), float(seconds), int(bytes_), which


def test_no_pair_takes_long_or_much_memory() -> None:
    count, seconds, bytes_, which = run()
    assert count > 1_000
    assert bytes_ <= BYTES
    if seconds > SECONDS:
        # The machine may have been slow just then.
        _, seconds, _, which = run()
    assert seconds <= SECONDS, which


def test_references_are_kept_in_little_memory() -> None:
    said = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=True, timeout=100).stdout
    assert int(said) <= BYTES


@pytest.mark.parametrize("count", [2, 40, 256])
def test_a_set_in_another_order_is_right_whatever_its_size(count: int) -> None:
    assert grade([surds(count)[0]], surds(count)[1]).verdict == "correct"
