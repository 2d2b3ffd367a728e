"""Code rewards: the program in a completion, put to its tests."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING, Any

from engine.errors import Overloaded, SandboxError
from engine.flow import off_loop
from engine.harness.kinds import AssertsTest, CallTest, StdinTest, Test
from engine.languages.table import language_named
from engine.program import Program, Verdict
from rewards.code.extract import program
from rewards.code.item import AssertsCase, CallCase, Case, CodeItem, StdinCase, code_item, wanted_names
from rewards.code.limits import limits_of
from rewards.code.verdict import Judgement, judge
from rewards.completion import Nothing
from rewards.evidence import CodeEvidence
from rewards.reward import NotJudged, Reward

if TYPE_CHECKING:
    from engine.engine import Engine


class CodeReward:
    """Extracts, runs and compares; what is expected never enters the process that runs the program.

    client              whose turn in the engine's queue the runs take
    deadline_seconds    per item; what has not begun by then is not judged
    """

    def __init__(self, engine: Engine, *, client: str = "", deadline_seconds: float | None = None) -> None:
        self._engine = engine
        self._client = client
        self._deadline_seconds = deadline_seconds

    async def score(self, item: CodeItem | dict[str, Any]) -> Reward | NotJudged:
        """The item's reward.

        Raises BadInput for a wrong item, Overloaded if nothing of it was run. A completion without a program is
        WRONG_ANSWER. A fault of ours makes it NotJudged, unless "all" is asked for and another test failed.
        """
        if isinstance(item, dict):
            item = code_item(item)
        language = language_named(item.language)
        tags = frozenset((language.name, *language.aliases))
        found = await off_loop(
            len(item.completion),
            program,
            item.completion,
            tags,
            wanted=wanted_names(item.tests),
            thinking=item.thinking,
        )
        forgeable = any(isinstance(case, AssertsCase) for case in item.tests)
        if isinstance(found, Nothing):
            reason = f"no program: {found.reason}"
            evidence = CodeEvidence(forgeable=forgeable, reason=reason)
            return Reward(reward=0.0, verdict=Verdict.WRONG_ANSWER, evidence=evidence)
        scoring = _Scoring(
            self._engine,
            Program(found.source, item.language, image=item.image, prelude=item.prelude),
            item,
            self._client,
        )
        try:
            await scoring.run(self._deadline_seconds)
        except SandboxError as error:
            return NotJudged(str(error))
        except Overloaded as error:
            if not scoring.judged:
                raise
            return NotJudged(str(error))
        return scoring.reward(forgeable=forgeable)


class _Scoring:
    """One item's runs: what has been judged so far, by the test's index."""

    def __init__(self, engine: Engine, program: Program, item: CodeItem, client: str) -> None:
        self.judged: dict[int, Judgement] = {}
        self._engine = engine
        self._program = program
        self._item = item
        self._client = client
        self._tests = [_test_of(case) for case in item.tests]
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
        runs = self._engine.tests(
            self._program,
            self._tests[start:stop],
            self._limits,
            deadline_seconds=None if until == math.inf else max(until - clock(), 0.001),
            client=self._client,
        )
        index = start
        async with contextlib.aclosing(runs):
            async for run in runs:
                size_bytes = len(run.outcome.stdout) + len(run.outcome.channel)
                self.judged[index] = await off_loop(
                    size_bytes, judge, index, self._item.tests[index], run, self._item.checker
                )
                self._not_enforced = run.outcome.not_enforced
                if self._decided:
                    return
                index += 1

    def reward(self, *, forgeable: bool) -> Reward:
        """The reward of what was judged."""
        judged = [self.judged[index] for index in sorted(self.judged)]
        failed = next((each for each in judged if each.verdict is not Verdict.ACCEPTED), None)
        accepted = sum(each.verdict is Verdict.ACCEPTED for each in judged)
        return Reward(
            reward=float(failed is None) if self._item.reward == "all" else accepted / len(self._tests),
            verdict=Verdict.ACCEPTED if failed is None else failed.verdict,
            evidence=CodeEvidence(
                tests=tuple(each.facts for each in judged),
                forgeable=forgeable,
                failure=None if failed is None else failed.failure,
            ),
            not_enforced=self._not_enforced,
        )


def _test_of(case: Case) -> Test:
    match case:
        case StdinCase(stdin=stdin):
            return StdinTest(stdin)
        case CallCase(call=call, arguments=arguments):
            return CallTest(call, arguments)
        case AssertsCase(asserts=asserts):
            return AssertsTest(asserts)
