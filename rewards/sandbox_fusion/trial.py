"""A program put to tests, told as SandboxFusion tells it: a reply of `/run_code` for each."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from engine.engine import Engine
from engine.errors import SandboxError
from engine.flow import off_loop
from engine.harness.kinds import AssertsTest, Test, TestRun
from engine.program import Limits, Outcome, Program, Verdict
from engine.server.run_result import run_answer, sandbox_error

TOTAL_TIMEOUT = "Total Timeout"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is to be run, and what decides.

    right          whether a run that ended cleanly is right; asked in the tests' order, by index
    infos          what the answer says of each test
    run_all        go on after a test that fails
    total_seconds  of CPU time for all tests; one that is stopped by the clock counts with its limit
    shown_bytes    of output that the answer has; of tests past it only the verdict is told
    options        deadline_seconds and client of its runs
    """

    program: Program
    tests: Sequence[Test]
    right: Callable[[int, TestRun], Awaitable[bool]]
    infos: Sequence[dict[str, Any]]
    limits: Limits
    compile_limits: Limits
    run_all: bool
    total_seconds: float
    shown_bytes: int
    options: dict[str, Any]


@dataclass(slots=True)
class Told:
    """What came of a trial: the answer's `tests`, their verdict together, whether the program could have forged it."""

    tests: list[dict[str, Any]]
    verdict: Verdict = Verdict.ACCEPTED
    forgeable: bool = False
    shown_bytes: int = 0

    async def answer(self, outcome: Outcome, most_bytes: int) -> dict[str, Any]:
        """What is said of a run: without its output where that of all tests is more than `most_bytes`."""
        size_bytes = outcome.size_bytes + (0 if outcome.compile is None else outcome.compile.size_bytes)
        if self.shown_bytes + size_bytes > most_bytes:
            compiled = None if outcome.compile is None else _silent(outcome.compile)
            message = f"output left out: that of all tests is more than {most_bytes} bytes (server.batch_bytes)"
            return run_answer(structs.replace(_silent(outcome), compile=compiled)) | {"message": message}
        self.shown_bytes += size_bytes
        return await off_loop(size_bytes, run_answer, outcome)

    def add(self, answer: dict[str, Any], info: dict[str, Any], verdict: Verdict) -> None:
        """One more test."""
        if self.verdict is Verdict.ACCEPTED:
            self.verdict = verdict
        self.tests.append({"passed": verdict is Verdict.ACCEPTED, "exec_info": answer, "test_info": info})


async def tell(engine: Engine, trial: Trial) -> Told:
    """Run and judge; raises BadInput, Overloaded, SandboxError, and then nothing is said about the program."""
    told, seconds = Told([]), 0.0
    runs = engine.tests(trial.program, trial.tests, trial.limits, compile_limits=trial.compile_limits, **trial.options)
    async with contextlib.aclosing(runs):
        async for run in runs:
            index = len(told.tests)
            if run.uses is not None:
                told.forgeable, run = True, await _in_process(engine, trial, index)
            verdict = run.outcome.verdict
            if verdict is Verdict.ACCEPTED and not await trial.right(index, run):
                verdict = Verdict.WRONG_ANSWER
            answer = await told.answer(run.outcome, trial.shown_bytes)
            info = trial.infos[index] if run.problem is None else {**trial.infos[index], "problem": run.problem}
            told.add(answer, info, verdict)
            if verdict is Verdict.COMPILE_ERROR:
                # Theirs compiles, and fails, for every test.
                for rest in trial.infos[1:] if trial.run_all else ():
                    told.add(await told.answer(run.outcome, trial.shown_bytes), rest, verdict)
            # Not the clock: how busy the machine is must not decide.
            late = run.outcome.stopped_by == "wall"
            seconds += trial.limits.wall if late else run.outcome.cpu_seconds
            if verdict is not Verdict.ACCEPTED and not trial.run_all:
                break
            if seconds > trial.total_seconds:
                for rest in trial.infos[len(told.tests) :]:
                    told.add(sandbox_error(TOTAL_TIMEOUT), rest, Verdict.TIME_LIMIT)
                break
    if not told.tests:
        raise SandboxError("no test was run")
    return told


def _silent(outcome: Outcome) -> Outcome:
    return structs.replace(outcome, stdout=b"", stderr=b"")


async def _in_process(engine: Engine, trial: Trial, index: int) -> TestRun:
    # Only what the tests' own text uses leads here, and never what the program returns.
    test = trial.tests[index]
    assert isinstance(test, AssertsTest)
    again = [structs.replace(test, in_process=True)]
    runs = engine.tests(trial.program, again, trial.limits, compile_limits=trial.compile_limits, **trial.options)
    async with contextlib.aclosing(runs):
        async for run in runs:
            return run
    raise SandboxError("the test was not run")
