"""A special judge: a program of the item's own that says whether an output is right."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from engine.errors import BadInput, SandboxError
from engine.harness.kinds import DialogueTest, StdinTest
from engine.languages.table import language_named
from engine.program import Limits, Outcome, Program
from engine.wire.bytes import with_bytes
from engine.wire.decode import to_struct, unicode
from rewards.evidence import shown

if TYPE_CHECKING:
    from engine.engine import Engine

Convention = Literal["testlib", "scalebox"]

# Input, the program's output, the answer; testlib takes them as arguments, ScaleBox by these names.
FILES: Final[dict[Convention, tuple[str, str, str]]] = {
    "testlib": ("input.txt", "output.txt", "answer.txt"),
    "scalebox": ("stdin.txt", "answer.txt", "stdout.txt"),
}
# Wrong answer, presentation error, dirt after the answer, unexpected end of file; all else is a judge that failed.
_WRONG: Final[dict[Convention, frozenset[int]]] = {"testlib": frozenset({1, 2, 4, 8}), "scalebox": frozenset({1})}
_FAIL: Final = 3
_POINTS: Final = 7
_SHARE_OF_POINTS: Final = range(16, 217)
# They read whatever the judge says, and say nothing until their clock ends them. Not every image has a bash.
_SILENT: Final = (
    Program("exec cat > /dev/null", "bash"),
    Program("import sys\nsys.stdin.buffer.read()", "python"),
)
_SILENT_SECONDS: Final = 1.0
# What differs from run to run: paths stand in tracebacks, and under landlock each slot has a directory of its own.
_OF_ONE_RUN: Final = re.compile(rb"/[^\s\"']*/|0x[0-9a-fA-F]+|(?<=' \()\d+(?=\) panicked)")


class Judge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program that is given the input, the output and the answer of each test.

    source, language, files  as of any program; testlib.h, where it is wanted, is one of `files`
    convention               "testlib": the three are arguments, and the exit code says what was found; "scalebox":
                             stdin.txt, answer.txt (the output) and stdout.txt (the answer), exit code 0 or 1
    interactive              it talks with the program: what one writes to its stdout is the other's stdin; the output
                             is a file that it may write
    limits                   of its runs; None means the engine's own
    """

    source: str
    language: str = "cpp"
    convention: Convention = "testlib"
    interactive: bool = False
    files: dict[str, bytes] = {}
    limits: Limits | None = None

    @property
    def program(self) -> Program:
        """It, to be run."""
        return Program(self.source, self.language, self.files)


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
        if not judge.source.strip():
            raise BadInput("source", judge.source, "expected a program: nothing accepts everything")
        for name in judge.files:
            if name in FILES[judge.convention]:
                raise BadInput("files", name, "this name is that of a file which the judge is given")
        if judge.interactive and judge.convention != "testlib":
            raise BadInput("convention", judge.convention, "an interactive judge follows testlib's")
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

    A judge that breaks down over one output, and not in the same way over the answer itself, was broken by that output,
    which is wrong: no program may buy by its output that nobody judges it. Where there is no answer, none is shown to
    it. Testlib's _fail is the judge's own word that it is at fault.
    """
    outcome = await _run(engine, judge, stdin, output, answer, options)
    right = said(judge, outcome)
    if right is not None:
        return Opinion(right, shown(outcome.stderr or outcome.stdout))
    problem = how_it_failed(outcome)
    points = gave_points(judge, outcome)
    if gave_up(judge, outcome) and not (points and answer is not None):
        raise SandboxError(f"the judge failed: {problem}")
    if answer is None:
        control = await breakdown_in_silence(engine, judge, _no_output(judge, stdin), options)
    else:
        control = await _run(engine, judge, stdin, answer, answer, options)
        control = control if said(judge, control) is None else None
    if control is not None and (ended_alike(control, outcome) or (points and gave_points(judge, control))):
        raise SandboxError(f"the judge failed: {problem}")
    return Opinion(False, f"the judge broke down over this output: {problem}")


async def breakdown_in_silence(
    engine: Engine, judge: Judge, given: DialogueTest, options: dict[str, Any]
) -> Outcome | None:
    """How it breaks down while nothing is said to it; None if it does not, but listens, or comes to a verdict.

    So it is found sound or not by itself, whatever the language and whatever a program does.
    """
    limits = msgspec.structs.replace(engine.limits, wall_seconds=min(_SILENT_SECONDS, engine.limits.wall))
    for silent in _SILENT:
        talks = engine.dialogues(silent, judge.program, [given], limits, partner_limits=judge.limits, **options)
        try:
            async with contextlib.aclosing(talks):
                async for dialogue in talks:
                    outcome = dialogue.partner
                    assert outcome is not None, "the silent program is not compiled"
                    check_compiled(judge, outcome)
                    # One that only slept is stopped by its own clock later.
                    listened = dialogue.outcome.stopped_by == "wall" and outcome.stopped_by != "wall"
                    return None if listened or said(judge, outcome) is not None else outcome
        except BadInput as error:
            if error.field != "language":
                raise
    raise SandboxError("the judge failed, and there is neither bash nor Python here to find out why")


def _no_output(judge: Judge, stdin: bytes) -> DialogueTest:
    # One that opens what its arguments name then waits for its standard input; to others the file is missing.
    names = FILES[judge.convention]
    arguments = (names[0], "/dev/stdin", names[2]) if judge.convention == "testlib" else ()
    return DialogueTest(arguments, {names[0]: stdin, names[2]: b""})


def ended_alike(one: Outcome, other: Outcome) -> bool:
    """Whether both came to the same end with the same words on stderr, whatever directory they ran in."""
    return _end_of(one) == _end_of(other)


def _end_of(outcome: Outcome) -> tuple[object, ...]:
    words = _OF_ONE_RUN.sub(b"", outcome.stderr)
    return outcome.exit_code, outcome.signal, outcome.stopped_by, outcome.stdout_truncated, words


async def _run(
    engine: Engine, judge: Judge, stdin: bytes, output: bytes, answer: bytes | None, options: dict[str, Any]
) -> Outcome:
    names = FILES[judge.convention]
    files = dict(zip(names, (stdin, output, answer or b""), strict=True))
    arguments = names if judge.convention == "testlib" else ()
    runs = engine.tests(judge.program, [StdinTest(arguments=arguments, files=files)], judge.limits, **options)
    async with contextlib.aclosing(runs):
        async for run in runs:
            check_compiled(judge, run.outcome)
            return run.outcome
    raise SandboxError("the judge was not run")


def check_compiled(judge: Judge, outcome: Outcome) -> None:
    """Raises BadInput where the judge does not compile."""
    compiled = outcome.compile
    if compiled is not None and not compiled.clean:
        words = shown(compiled.stderr or compiled.stdout)
        raise BadInput("judge.source", judge.source, f"does not compile: {words}")


def said(judge: Judge, outcome: Outcome) -> bool | None:
    """Whether the output is right; None if the judge failed."""
    if outcome.exit_code is None or outcome.stopped_by is not None or outcome.stdout_truncated:
        return None
    if outcome.exit_code == 0:
        return True
    if outcome.exit_code not in _WRONG[judge.convention]:
        return None
    # Many languages end by an uncaught error with what would mean a wrong answer.
    return None if language_named(judge.language).crashed(outcome.stderr) else False


def gave_up(judge: Judge, outcome: Outcome) -> bool:
    """Whether it says itself that it is at fault, or gave points, which are not counted: testlib's _fail and _pc."""
    return _chosen(judge, outcome) == _FAIL or gave_points(judge, outcome)


def gave_points(judge: Judge, outcome: Outcome) -> bool:
    """Whether it ended by itself with points."""
    code = _chosen(judge, outcome)
    return code == _POINTS or code in _SHARE_OF_POINTS


def _chosen(judge: Judge, outcome: Outcome) -> int | None:
    # An uncaught error ends many languages with what would mean points: Rust with 101, PHP with 255, Perl with errno.
    crashed = outcome.stopped_by is not None or language_named(judge.language).crashed(outcome.stderr)
    return None if crashed or judge.convention != "testlib" else outcome.exit_code


def how_it_failed(outcome: Outcome) -> str:
    """How it ended and the end of what it said, for a person."""
    if outcome.exit_code is None:
        how = f"{outcome.verdict}"
    else:
        how = f"exit code {outcome.exit_code}" if outcome.stopped_by is None else f"{outcome.verdict}"
    words = shown(outcome.stderr[-400:])
    return f"{how}: {words}" if words else how
