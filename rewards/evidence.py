"""What a reward rests on, by kind; each text is cut, so that an answer stays small."""

from __future__ import annotations

import reprlib
from typing import Final, Literal

import msgspec

from engine.program import Verdict

SHOWN_CHARS: Final = 400


class TestFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One test's verdict (None: this one could not be judged) with what its run used."""

    __test__ = False  # pytest takes classes of this name for its own

    verdict: Verdict | None
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    queue_seconds: float = 0.0
    peak_memory_bytes: int = 0


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why the first test that failed did: its index, what was expected and what came, each cut to `SHOWN_CHARS`.

    `problem` says why there is nothing to compare (an exception, a limit, a compiler's message); `stderr` is the end of
    it.
    """

    test: int
    expected: str | None = None
    got: str | None = None
    problem: str | None = None
    stderr: str | None = None


class CodeEvidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a program did.

    tests       the tests that ran, in order; "all" stops after the first failure
    forgeable   an asserts test was among them: it ran in the program's own process, so a program could fake it
    reason      why there was nothing to run, where that is so
    failure     of the first failing test
    form        the data set in whose form the item came, where it did
    prelude     what was given to the program before it began, where something was
    """

    tests: tuple[TestFacts, ...] = ()
    forgeable: bool = False
    reason: str | None = None
    failure: Failure | None = None
    form: str | None = None
    prelude: str | None = None


class JudgeSaid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A judge's word.

    verdict  "correct", "incorrect", or None: it said neither, and `reason` says why
    model    which model said it; None: a guard refused the answer before one was asked
    words    the end of its reasons, or the guard's reason, cut to `SHOWN_CHARS`
    votes    how many said what, where several were asked for
    logit    a classifier's
    """

    verdict: Literal["correct", "incorrect"] | None = None
    model: str | None = None
    words: str = ""
    votes: dict[str, int] = {}
    logit: float | None = None
    reason: str | None = None


class MathEvidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was compared.

    answer   the final answer, cut to `SHOWN_CHARS`
    how      by which proof it is right: literal, exact, normal form, root bound, separated, mod p, text, identity at
             24 points; "judge": no proof, a judge model's word
    reason   why it is wrong: different, wrong type, several answers, unparsable, unevaluated, restated, too large; or
             why there was nothing to compare
    judge    what a judge model said, where one was asked
    """

    answer: str | None = None
    how: str | None = None
    reason: str | None = None
    judge: JudgeSaid | None = None


class JudgeEvidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a judge model was shown, and what it said; `reason`: why there was nothing to show."""

    answer: str | None = None
    reason: str | None = None
    judge: JudgeSaid | None = None


def shown(value: object) -> str:
    """Bytes, text or plain data as text for a person, at most about `SHOWN_CHARS` long, in bounded time."""
    if isinstance(value, bytes):
        value = value[: SHOWN_CHARS + 1].decode("utf-8", "backslashreplace")
    text = value[: SHOWN_CHARS + 1] if isinstance(value, str) else _BOUNDED.repr(value)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


class _Bounded(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 4, 100, 100
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 12

    def repr_int(self, x: int, level: int) -> str:
        # repr() of a longer one raises or takes quadratic time.
        return repr(x) if x.bit_length() <= 4_000 else f"<an integer of {x.bit_length():,} bits>"


_BOUNDED = _Bounded()
