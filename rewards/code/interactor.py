"""An interactive judge: a program of the item's own that talks with the program, and says whether it did right."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.errors import BadInput, SandboxError
from engine.harness.kinds import Dialogue, DialogueTest, StdinTest
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
    """Whoever went wrong first has decided.

    A program that was stopped at a limit or crashed before its judge had come to an end has its own verdict. A judge
    that breaks down in a dialogue, and not where it is left alone, was broken by that dialogue. `_fail` and points are
    the judge's own words that no verdict follows.
    """
    outcome, partner = dialogue.outcome, dialogue.partner
    if partner is None:
        return None
    check_compiled(judge, partner)
    clean = outcome.verdict is Verdict.ACCEPTED
    if partner.exit_code != TESTLIB_FAIL and not clean and not dialogue.partner_first:
        return None
    right = said(judge, partner)
    if right:
        return Opinion(True, "") if clean else None
    if right is False:
        return Opinion(False, shown(partner.stderr))
    problem = how_it_failed(partner)
    if not dialogue.partner_first and _met_the_end(judge, partner):
        return Opinion(False, "the program ended while the judge still listened")
    if not _gave_up(partner):
        left_alone = await run_alone(engine, judge, _alone(case), options())
        if said(judge, left_alone) is not None:
            return Opinion(False, f"the judge broke down over this dialogue: {problem}")
    raise SandboxError(f"the judge failed: {problem}")


def _gave_up(partner: Outcome) -> bool:
    code = partner.exit_code
    return (
        partner.stopped_by is None and code is not None and (code in (TESTLIB_FAIL, _POINTS) or code >= _LEAST_POINTS)
    )


def _met_the_end(judge: Judge, partner: Outcome) -> bool:
    """A Python that reads on where nothing comes any more says what testlib says by an exit code."""
    last = partner.stderr.rstrip().rpartition(b"\n")[2]
    return judge.is_python and partner.exit_code == 1 and last.startswith(_END_OF_INPUT)


def _given(case: JudgedCase) -> DialogueTest:
    return DialogueTest(_NAMES, {_INPUT: case.stdin, _ANSWER: case.expected or b""})


def _alone(case: JudgedCase) -> StdinTest:
    return StdinTest(arguments=_NAMES, files={_INPUT: case.stdin, _ANSWER: case.expected or b""})
