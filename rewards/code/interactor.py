"""An interactive judge: a program of the item's own that talks with the program, and says whether it did right."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.errors import BadInput, SandboxError
from engine.harness.kinds import Dialogue, DialogueTest, StdinTest
from engine.languages.table import language_named
from engine.program import Limits, Outcome, Program, Verdict
from rewards.code.cases import JudgedCase
from rewards.code.judge import FILES, TESTLIB_FAIL, Judge, Opinion, check_compiled, how_it_failed, run_alone, said
from rewards.evidence import shown

if TYPE_CHECKING:
    from engine.engine import Engine

_INPUT, _OUTPUT, _ANSWER = _NAMES = FILES["testlib"]
_POINTS: Final = 7
_LEAST_POINTS: Final = 16
_END_OF_INPUT: Final = b"EOFError"


async def judged_dialogues(
    engine: Engine,
    judge: Judge,
    program: Program,
    cases: Sequence[JudgedCase],
    limits: Limits | None,
    options: Callable[[], dict[str, Any]],
) -> AsyncGenerator[tuple[Outcome, Opinion | None], None]:
    """What the program did in each test, and what the judge says: None where the program's own end says it.

    options  of each of the engine's calls, as they are when it begins
    Raises BadInput where the judge does not compile or asks for too much, SandboxError where it failed.
    """
    talks = engine.dialogues(
        program, judge.program, [_given(case) for case in cases], limits, partner_limits=judge.limits, **options()
    )
    try:
        async with contextlib.aclosing(talks):
            index = 0
            async for dialogue in talks:
                yield dialogue.outcome, await _opinion_of(engine, judge, cases[index], dialogue, options)
                index += 1
    except BadInput as error:
        if not error.field.startswith("partner."):
            raise
        raise BadInput(f"judge.{error.field.removeprefix('partner.')}", error.value, error.message) from None


async def _opinion_of(
    engine: Engine, judge: Judge, case: JudgedCase, dialogue: Dialogue, options: Callable[[], dict[str, Any]]
) -> Opinion | None:
    """Whoever went wrong first has decided, if the judge is sound.

    A judge that breaks down in a dialogue, and also where it is left alone, is not, and nothing follows from what the
    program did; its `_fail` and points say so themselves. One that breaks down in the dialogue only was broken by it.
    """
    outcome, partner = dialogue.outcome, dialogue.partner
    if partner is None:
        return None
    check_compiled(judge, partner)
    clean = outcome.verdict is Verdict.ACCEPTED
    right = said(judge, partner)
    words = shown(partner.stderr)
    if right is None:
        right = False
        problem = how_it_failed(partner)
        if not dialogue.partner_first and _met_the_end(judge, partner):
            words = "the program ended while the judge still listened"
        elif not _gave_up(partner) and said(judge, await run_alone(engine, judge, _alone(case), options())) is not None:
            words = f"the judge broke down over this dialogue: {problem}"
        elif clean or dialogue.partner_first or not _gave_points(partner):
            raise SandboxError(f"the judge failed: {problem}")
    if not clean and (right or not dialogue.partner_first):
        return None
    return Opinion(right, words)


def _gave_up(partner: Outcome) -> bool:
    return _gave_points(partner) or (partner.stopped_by is None and partner.exit_code == TESTLIB_FAIL)


def _gave_points(partner: Outcome) -> bool:
    code = partner.exit_code
    return partner.stopped_by is None and code is not None and (code == _POINTS or code >= _LEAST_POINTS)


def _met_the_end(judge: Judge, partner: Outcome) -> bool:
    """A judge that reads on where nothing comes any more says by an error what testlib says by an exit code."""
    if partner.exit_code is None or partner.stopped_by is not None:
        return False
    language = language_named(judge.language)
    if language.name == "python":
        return partner.exit_code == 1 and partner.stderr.rstrip().rpartition(b"\n")[2].startswith(_END_OF_INPUT)
    # Their errors at the end of the input have no name of their own.
    return partner.exit_code != TESTLIB_FAIL and language.crashed(partner.stderr)


def _given(case: JudgedCase) -> DialogueTest:
    return DialogueTest(_NAMES, {_INPUT: case.stdin, _ANSWER: case.expected or b""})


def _alone(case: JudgedCase) -> StdinTest:
    return StdinTest(arguments=_NAMES, files={_INPUT: case.stdin, _ANSWER: case.expected or b""})
