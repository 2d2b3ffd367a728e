"""The tests of a submission: what is run, what is right, what is told of each."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.errors import BadInput
from engine.flow import off_loop
from engine.harness.kinds import CallTest, StdinTest, Test, TestRun
from engine.server.run_result import text_of
from rewards.code.cases import AssertsCase, Case, ScriptCase
from rewards.code.checkers import same_value
from rewards.code.judge import Judge, opinion_of
from rewards.code.plain_data import is_list
from rewards.code.scoring import test_of
from rewards.code.script import reached, with_script
from rewards.code.stub import FUTURE
from rewards.sandbox_fusion.compare import same_output

if TYPE_CHECKING:
    from engine.engine import Engine

_SHOWN_CHARS: Final = 1000
_MARK_BYTES: Final = 16
# What theirs puts before every function that statements test; numpy, which takes 0.1 s to import, is not among it.
_IMPORTS: Final = """\
import collections, copy, datetime, functools, hashlib, heapq, itertools, math, re, string, sys
from typing import *
from collections import *
from functools import *
"""


@dataclass(frozen=True, kw_only=True)
class Cases:
    """Tests, what decides about each, and what is told of each.

    source     what the program's becomes with these tests
    prelude    what the program finds when it begins
    forgeable  they stand in the program's own process, which could say what they say
    """

    tests: Sequence[Test]
    right: Callable[[int, TestRun], Awaitable[bool]]
    infos: Sequence[dict[str, Any]]
    source: str
    prelude: str | None = None
    forgeable: bool = False


class StdioCase(msgspec.Struct, frozen=True, kw_only=True):
    """CommonOJDataset's: what the program reads, and what it has to print."""

    stdin: str
    stdout: str


def stdio_cases(
    source: str,
    cases: Sequence[StdioCase],
    judge: Judge | None,
    *,
    forced: bool,
    whole: bool,
    engine: Engine,
    options: dict[str, Any],
) -> Cases:
    """Outputs compared as theirs; one that differs may still please the special judge, which `forced` decides alone."""

    async def right(index: int, run: TestRun) -> bool:
        case, got = cases[index], run.outcome.stdout
        if not forced and await off_loop(len(got) + len(case.stdout), same_output, text_of(got), case.stdout):
            return True
        if judge is None:
            return False
        answer = case.stdout.encode()
        return (await opinion_of(engine, judge, case.stdin.encode(), got, answer, **options)).right

    return Cases(
        tests=[StdinTest(case.stdin.encode()) for case in cases],
        right=right,
        infos=[_stdio_info(case, whole=whole) for case in cases],
        source=source,
    )


def call_cases(source: str, name: str, inputs: Sequence[list[Any]], outputs: Sequence[Any]) -> Cases:
    """Calls of a function; the comparison is that of call tests, and happens outside the program."""

    async def right(index: int, run: TestRun) -> bool:
        if run.returned is msgspec.UNSET:
            return False
        return await off_loop(len(run.outcome.channel), same_value, run.returned, outputs[index])

    infos = [
        {"fn_name": name, "input": given, "output": wanted, "type": "function_call"}
        for given, wanted in zip(inputs, outputs, strict=True)
    ]
    # LeetCode's programs come without the imports that their annotations need.
    prelude = "leetcode" if "class Solution" in source else None
    tests = [CallTest(name, given) for given in inputs]
    return Cases(tests=tests, right=right, infos=infos, source=source, prelude=prelude)


def statement_cases(source: str, cases: Sequence[Case], language: str, *, imports: bool) -> Cases:
    """Asserts beside the program, or a text that goes after it.

    imports  in Python, those of theirs go before it
    """
    # Nothing may stand before one of __future__.
    if imports and language == "python" and not FUTURE.search(source):
        source = _IMPORTS + source
    first = cases[0]
    if isinstance(first, ScriptCase):
        mark = secrets.token_hex(_MARK_BYTES)

        async def reached_it(index: int, run: TestRun) -> bool:
            return reached(run.outcome.stdout, mark)

        whole = with_script(source, first.script, language, mark)
        info = {"script": first.script}
        return Cases(tests=[StdinTest()], right=reached_it, infos=[info], source=whole, forgeable=True)

    async def finished(index: int, run: TestRun) -> bool:
        return run.finished

    infos = [{"asserts": case.asserts} for case in cases if isinstance(case, AssertsCase)]
    return Cases(tests=[test_of(case) for case in cases], right=finished, infos=infos, source=source)


def expected_of(output: Any) -> Any:
    """What a call has to return: theirs stands in a list of one."""
    return output[0] if is_list(output) and output else output


def stdio_case(test: object, field: str) -> StdioCase:
    """`{input: {stdin}, output: {stdout}}`; raises BadInput. Other names are files, which nobody fetches."""
    found = []
    for side, stream in (("input", "stdin"), ("output", "stdout")):
        given = test.get(side) if isinstance(test, dict) else None
        text = given.get(stream) if isinstance(given, dict) else None
        if not isinstance(text, str):
            raise BadInput(f"{field}.{side}.{stream}", text, "expected text")
        found.append(text)
    return StdioCase(stdin=found[0], stdout=found[1])


def _stdio_info(case: StdioCase, *, whole: bool) -> dict[str, Any]:
    shown = (lambda text: text) if whole else _cut
    return {"input": {"stdin": shown(case.stdin)}, "output": {"stdout": shown(case.stdout)}}


def _cut(text: str) -> str:
    if len(text) <= _SHOWN_CHARS:
        return text
    half = (_SHOWN_CHARS - 3) // 2
    return f"{text[:half]}...{text[-half:]}"
