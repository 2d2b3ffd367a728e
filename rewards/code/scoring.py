"""One code item's runs: each of its tests run, judged, and told together."""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import structs

from engine.errors import Overloaded, SandboxError
from engine.flow import off_loop
from engine.harness.kinds import AssertsTest, CallTest, StdinTest, Test, TestRun
from engine.languages.table import language_named
from engine.program import Program, Verdict
from rewards.code.asserts import needs_of
from rewards.code.cases import AssertsCase, CallCase, Case, JudgedCase, ScriptCase, StdinCase
from rewards.code.interactor import judged_dialogues
from rewards.code.item import CodeItem
from rewards.code.judge import Judge, opinion_of
from rewards.code.limits import limits_of
from rewards.code.script import with_script
from rewards.code.verdict import Judgement, judge, judge_with
from rewards.evidence import CodeEvidence
from rewards.reward import Reward

if TYPE_CHECKING:
    from engine.engine import Engine

_MARK_BYTES = 16


class Scoring:
    """What has been judged of an item so far, by the test's index."""

    forgeable = False

    def __init__(self, engine: Engine, program: Program, item: CodeItem, client: str) -> None:
        self.judged: dict[int, Judgement] = {}
        self._engine = engine
        self._program = program
        self._item = item
        self._client = client
        self._cases: tuple[Case, ...] = item.tests
        if isinstance(item.tests[0], ScriptCase):
            mark = secrets.token_hex(_MARK_BYTES)
            language = language_named(item.language).name
            source = with_script(program.source, item.tests[0].script, language, mark)
            self._program = structs.replace(program, source=source)
            self._cases = (ScriptCase(script=mark),)
        self._tests = [test_of(case) for case in self._cases]
        self._limits = limits_of(item, engine)
        self._not_enforced: tuple[str, ...] = ()

    async def run(self, deadline_seconds: float | None) -> None:
        """Judge what a reward needs; raises SandboxError, Overloaded if that was not possible."""
        clock = asyncio.get_running_loop().time
        until = math.inf if deadline_seconds is None else clock() + deadline_seconds
        try:
            await self._run(0, len(self._tests), until)
            if self._decided:
                return
            fault = SandboxError("some tests were not run")
        except SandboxError as error:
            fault = error
        # "all" is decided by any failing test, so one that could not be judged leaves the others to be asked.
        for index in range(len(self._tests)):
            if self._item.reward == "all" and index not in self.judged and clock() < until and not self._decided:
                with contextlib.suppress(SandboxError, Overloaded):
                    await self._run(index, index + 1, until)
        if not self._decided:
            raise fault

    @property
    def _decided(self) -> bool:
        verdicts = {judged.verdict for judged in self.judged.values()}
        failed = bool(verdicts - {Verdict.ACCEPTED}) and self._item.reward == "all"
        return failed or Verdict.COMPILE_ERROR in verdicts or len(self.judged) == len(self._tests)

    async def _run(self, start: int, stop: int, until: float) -> None:
        clock = asyncio.get_running_loop().time

        def options() -> dict[str, Any]:
            left = None if until == math.inf else max(until - clock(), 0.001)
            return {"deadline_seconds": left, "client": self._client}

        if self._item.judge is not None and self._item.judge.interactive:
            await self._talk(self._item.judge, start, stop, options)
            return
        runs = self._engine.tests(self._program, self._tests[start:stop], self._limits, **options())
        index = start
        async with contextlib.aclosing(runs):
            async for run in runs:
                if run.uses is not None:
                    run = await self._in_process(index, options())
                self.judged[index] = await self._judged(index, run, options())
                self._not_enforced = run.outcome.not_enforced
                if self._decided:
                    return
                index += 1

    async def _talk(self, judge: Judge, start: int, stop: int, options: Callable[[], dict[str, Any]]) -> None:
        cases = [case for case in self._cases[start:stop] if isinstance(case, JudgedCase)]
        talks = judged_dialogues(self._engine, judge, self._program, cases, self._limits, options)
        index = start
        async with contextlib.aclosing(talks):
            async for outcome, opinion in talks:
                self.judged[index] = judge_with(index, cases[index - start], TestRun(outcome=outcome), opinion)
                self._not_enforced = outcome.not_enforced
                if self._decided:
                    return
                index += 1

    async def _in_process(self, index: int, options: dict[str, Any]) -> TestRun:
        # Only what the tests' own text uses leads here, and never what the program returns: it cannot ask for this.
        test = self._tests[index]
        assert isinstance(test, AssertsTest)
        self.forgeable = True
        runs = self._engine.tests(self._program, [structs.replace(test, in_process=True)], self._limits, **options)
        async with contextlib.aclosing(runs):
            async for run in runs:
                return run
        raise SandboxError("the test was not run")

    async def _judged(self, index: int, run: TestRun, options: dict[str, Any]) -> Judgement:
        case, outcome = self._cases[index], run.outcome
        if isinstance(case, JudgedCase):
            opinion = None
            if outcome.verdict is Verdict.ACCEPTED and self._item.judge is not None:
                opinion = await opinion_of(
                    self._engine, self._item.judge, case.stdin, outcome.stdout, case.expected, **options
                )
            return judge_with(index, case, run, opinion)
        size_bytes = len(outcome.stdout) + len(outcome.channel)
        return await off_loop(size_bytes, judge, index, case, run, self._item.checker)

    def reward(self, given: CodeEvidence) -> Reward:
        """The reward of what was judged; `given` is the evidence that was there before anything ran."""
        judged = [self.judged[index] for index in sorted(self.judged)]
        failed = next((each for each in judged if each.verdict is not Verdict.ACCEPTED), None)
        accepted = sum(each.verdict is Verdict.ACCEPTED for each in judged)
        return Reward(
            reward=float(failed is None) if self._item.reward == "all" else accepted / len(self._tests),
            verdict=Verdict.ACCEPTED if failed is None else failed.verdict,
            evidence=structs.replace(
                given,
                forgeable=given.forgeable or self.forgeable,
                tests=tuple(each.facts for each in judged),
                failure=None if failed is None else failed.failure,
            ),
            not_enforced=self._not_enforced,
        )


def test_of(case: Case) -> Test:
    """What the engine runs for a test."""
    match case:
        case StdinCase(stdin=stdin) | JudgedCase(stdin=stdin):
            return StdinTest(stdin)
        case CallCase(call=call, arguments=arguments, in_place=in_place):
            return CallTest(call, arguments, in_place)
        case AssertsCase(asserts=asserts, context=context):
            needs = needs_of(asserts)
            in_process = needs.in_process is not None
            return AssertsTest(asserts, context, needs.classes, in_place=needs.in_place, in_process=in_process)
        case ScriptCase():
            return StdinTest()
