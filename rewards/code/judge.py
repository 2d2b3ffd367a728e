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
FILES: Final[dict[Convention, tuple[str, str, str]]] = {
    "testlib": ("input.txt", "output.txt", "answer.txt"),
    "scalebox": ("stdin.txt", "answer.txt", "stdout.txt"),
}
# Wrong answer, presentation error, dirt after the answer, unexpected end of file; all else is a judge that failed.
_WRONG: Final[dict[Convention, frozenset[int]]] = {"testlib": frozenset({1, 2, 4, 8}), "scalebox": frozenset({1})}
TESTLIB_FAIL: Final = 3


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

    A judge that breaks down over one output, and not over the answer itself, was broken by that output, which is wrong:
    no program may buy by its output that nobody judges it. Testlib's _fail is the judge's own word that it is at fault.
    """
    outcome = await _run(engine, judge, stdin, output, answer, options)
    right = said(judge, outcome)
    if right is not None:
        return Opinion(right, shown(outcome.stderr or outcome.stdout))
    problem = how_it_failed(outcome)
    if judge.convention == "testlib" and outcome.exit_code == TESTLIB_FAIL:
        raise SandboxError(f"the judge failed: {problem}")
    control = await _run(engine, judge, stdin, answer or b"", answer, options)
    if said(judge, control) is None:
        raise SandboxError(f"the judge failed: {problem}")
    return Opinion(False, f"the judge broke down over this output: {problem}")


async def _run(
    engine: Engine, judge: Judge, stdin: bytes, output: bytes, answer: bytes | None, options: dict[str, Any]
) -> Outcome:
    names = FILES[judge.convention]
    files = dict(zip(names, (stdin, output, answer or b""), strict=True))
    arguments = names if judge.convention == "testlib" else ()
    return await run_alone(engine, judge, StdinTest(arguments=arguments, files=files), options)


async def run_alone(engine: Engine, judge: Judge, given: StdinTest, options: dict[str, Any]) -> Outcome:
    """What it did with what it is given; raises BadInput where it does not compile."""
    runs = engine.tests(judge.program, [given], judge.limits, **options)
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


def how_it_failed(outcome: Outcome) -> str:
    """How it ended and the end of what it said, for a person."""
    if outcome.exit_code is None:
        how = f"{outcome.verdict}"
    else:
        how = f"exit code {outcome.exit_code}" if outcome.stopped_by is None else f"{outcome.verdict}"
    words = shown(outcome.stderr[-400:])
    return f"{how}: {words}" if words else how
