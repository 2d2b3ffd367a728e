"""A special judge: a program of the item's own that says whether an output is right."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from engine.errors import BadInput, SandboxError
from engine.harness.kinds import StdinTest
from engine.languages.table import language_named
from engine.program import Limits, Outcome, Program
from engine.wire.bytes import with_bytes
from engine.wire.decode import to_struct, unicode
from rewards.evidence import shown

if TYPE_CHECKING:
    from engine.engine import Engine

Convention = Literal["testlib", "scalebox"]

# Input, the program's output, the answer; testlib takes them as arguments, ScaleBox by these names.
_FILES: Final[dict[Convention, tuple[str, str, str]]] = {
    "testlib": ("input.txt", "output.txt", "answer.txt"),
    "scalebox": ("stdin.txt", "answer.txt", "stdout.txt"),
}
# Wrong answer, presentation error, dirt after the answer, unexpected end of file; all else is a judge that failed.
_WRONG: Final[dict[Convention, frozenset[int]]] = {"testlib": frozenset({1, 2, 4, 8}), "scalebox": frozenset({1})}
_TESTLIB_FAIL: Final = 3
_TRACEBACK: Final = b"Traceback (most recent call last)"


class Judge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program that is given the input, the output and the answer of each test.

    source, language, files  as of any program; testlib.h, where it is wanted, is one of `files`
    convention               "testlib": the three are arguments, and the exit code says what was found; "scalebox":
                             stdin.txt, answer.txt (the output) and stdout.txt (the answer), exit code 0 or 1
    limits                   of its runs; None means the engine's own
    """

    source: str
    language: str = "cpp"
    convention: Convention = "testlib"
    files: dict[str, bytes] = {}
    limits: Limits | None = None


def judge_of(data: object) -> Judge | None:
    """The judge in an item's field, checked; raises BadInput whose field is like `judge.source`."""
    if data is None:
        return None
    if not isinstance(data, dict):
        raise BadInput("judge", data, "expected a map with source")
    try:
        judge: Judge = to_struct(with_bytes(data, names=(), maps=("files",)), Judge)
        language_named(judge.language)
        unicode(judge.source, "source")
        for name in judge.files:
            if name in _FILES[judge.convention]:
                raise BadInput("files", name, "this name is that of a file which the judge is given")
    except BadInput as error:
        raise error.below("judge") if error.field != "request" else BadInput("judge", data, error.message) from None
    return judge


class Opinion(msgspec.Struct, frozen=True):
    """What a judge said of one output; `words` are its own."""

    right: bool
    words: str


async def opinion_of(
    engine: Engine, judge: Judge, stdin: bytes, output: bytes, answer: bytes | None, **options: Any
) -> Opinion:
    """What `judge` says; raises SandboxError where it failed, BadInput where it does not compile.

    A judge that breaks down over one output, and not over the answer itself, was broken by that output, which is wrong:
    no program may buy by its output that nobody judges it. Testlib's _fail is the judge's own word that it is at fault.
    """
    outcome = await _run(engine, judge, stdin, output, answer, options)
    right = _said(judge, outcome)
    if right is not None:
        return Opinion(right, shown(outcome.stderr or outcome.stdout))
    problem = _how_it_failed(outcome)
    if judge.convention == "testlib" and outcome.exit_code == _TESTLIB_FAIL:
        raise SandboxError(f"the judge failed: {problem}")
    control = await _run(engine, judge, stdin, answer or b"", answer, options)
    if _said(judge, control) is None:
        raise SandboxError(f"the judge failed: {problem}")
    return Opinion(False, f"the judge broke down over this output: {problem}")


async def _run(
    engine: Engine, judge: Judge, stdin: bytes, output: bytes, answer: bytes | None, options: dict[str, Any]
) -> Outcome:
    names = _FILES[judge.convention]
    files = dict(zip(names, (stdin, output, answer or b""), strict=True))
    arguments = names if judge.convention == "testlib" else ()
    program = Program(judge.source, judge.language, judge.files)
    runs = engine.tests(program, [StdinTest(arguments=arguments, files=files)], judge.limits, **options)
    async with contextlib.aclosing(runs):
        async for run in runs:
            compiled = run.outcome.compile
            if compiled is not None and not compiled.clean:
                said = shown(compiled.stderr or compiled.stdout)
                raise BadInput("judge.source", judge.source, f"does not compile: {said}")
            return run.outcome
    raise SandboxError("the judge was not run")


def _said(judge: Judge, outcome: Outcome) -> bool | None:
    """Whether the output is right; None if the judge failed."""
    if outcome.exit_code is None or outcome.stopped_by is not None or outcome.stdout_truncated:
        return None
    if outcome.exit_code == 0:
        return True
    # Python ends by an exception with what would mean a wrong answer.
    broke = language_named(judge.language).name == "python" and _TRACEBACK in outcome.stderr
    return False if outcome.exit_code in _WRONG[judge.convention] and not broke else None


def _how_it_failed(outcome: Outcome) -> str:
    if outcome.exit_code is None:
        how = f"{outcome.verdict}"
    else:
        how = f"exit code {outcome.exit_code}" if outcome.stopped_by is None else f"{outcome.verdict}"
    said = shown(outcome.stderr[-400:])
    return f"{how}: {said}" if said else how
