"""Grading of maths answers, from the native module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, ParamSpec, TypedDict, TypeVar

from engine.errors import SandboxError

_P = ParamSpec("_P")
_T = TypeVar("_T")

Verdict = Literal["correct", "incorrect", "undecided"]


class Declared(TypedDict):
    """What an item says about its reference; None and empty where it says nothing."""

    type: str | None
    variable: str | None
    parameters: Sequence[str]
    choices: Sequence[tuple[str, str]]
    ordered: bool
    percent: bool
    decimals: str | None
    positive: bool
    question: str | None


class Graded(NamedTuple):
    """A verdict: `how` says by which proof where it is correct, `reason` why not where it is not."""

    verdict: Verdict
    how: str | None
    reason: str | None


class Inspected(NamedTuple):
    """How a reference is read: type, the value written back, what a decimal may be; or why it cannot be, and where."""

    type: str | None
    written: str | None
    rounding: str | None
    why: str | None
    at: int | None


def grade(answers: Sequence[str], reference: str, declared: Declared | None = None) -> Graded:
    """One answer, or those of several boxes in one breath, against a reference; at most about 20 ms, without the GIL.

    Raises ValueError for a type that there is not, SandboxError where the grader fails over the reference alone too. An
    answer over which only it fails is incorrect: no text may buy that nobody judges it.
    """
    # Imported when it is called: what only asks a daemon must not need it.
    from engine import _native

    try:
        return Graded(*_native.grade_answer(answers, reference, declared))
    except RuntimeError as error:
        if _asked(_native.grade_answer, [reference], reference, declared)[0] != "correct":
            raise SandboxError(f"the grader failed: {error}") from None
        return Graded("incorrect", None, f"the grader failed over it: {error}")


def grade_many(pairs: Sequence[tuple[Sequence[str], str, Declared | None]]) -> list[Graded]:
    """The same for many pairs in one call."""
    from engine import _native

    try:
        return [Graded(*row) for row in _native.grade_answers(pairs)]
    except RuntimeError:
        # It does not say over which of them it failed.
        return [grade(*pair) for pair in pairs]


def inspect(reference: str, declared: Declared | None = None) -> Inspected:
    """How a reference is read, or why it cannot be judged against."""
    from engine import _native

    return Inspected(*_asked(_native.inspect_reference, reference, declared))


def reading(answer: str, reference: str, declared: Declared | None = None) -> tuple[bool, str]:
    """True and how an answer is read against that reference, or False and why it is not."""
    from engine import _native

    return _asked(_native.read_answer, answer, reference, declared)


def _asked(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    try:
        return function(*args, **kwargs)
    except RuntimeError as error:
        raise SandboxError(f"the grader failed: {error}") from None
