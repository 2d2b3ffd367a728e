"""An interactive judge: a program of the item's own that talks with the program, and says whether it did right."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.errors import BadInput, SandboxError
from engine.harness.kinds import Dialogue, DialogueTest
from engine.languages.table import language_named
from engine.program import Limits, Outcome, Program, Verdict
from rewards.code.cases import JudgedCase
from rewards.code.judge import (
    FILES,
    Judge,
    Opinion,
    breakdown_in_silence,
    check_compiled,
    gave_points,
    gave_up,
    how_it_failed,
    said,
)
from rewards.evidence import shown

if TYPE_CHECKING:
    from engine.engine import Engine

_INPUT, _OUTPUT, _ANSWER = _NAMES = FILES["testlib"]
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

    A judge that breaks down in a dialogue, and also while nothing is said to it, is not, and nothing follows from what
    the program did; its `_fail` and points say so themselves. One that listens first was broken by what it heard.
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
        elif gave_up(judge, partner):
            if clean or dialogue.partner_first or not gave_points(judge, partner):
                raise SandboxError(f"the judge failed: {problem}")
        elif await breakdown_in_silence(engine, judge, _given(case), options()) is not None:
            raise SandboxError(f"the judge failed: {problem}")
        else:
            words = f"the judge broke down over this dialogue: {problem}"
    if not clean and (right or not dialogue.partner_first):
        return None
    return Opinion(right, words)


def _met_the_end(judge: Judge, partner: Outcome) -> bool:
    """Python names the error of one that reads on where nothing comes any more, so it need not be asked again."""
    if language_named(judge.language).name != "python" or partner.exit_code != 1 or partner.stopped_by is not None:
        return False
    return partner.stderr.rstrip().rpartition(b"\n")[2].startswith(_END_OF_INPUT)


def _given(case: JudgedCase) -> DialogueTest:
    return DialogueTest(_NAMES, {_INPUT: case.stdin, _ANSWER: case.expected or b""})
