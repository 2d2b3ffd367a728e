"""One test's run against what was expected: its verdict and the evidence."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import structs

from engine.harness.kinds import TestRun
from engine.program import Outcome, Verdict
from rewards.code.cases import AssertsCase, CallCase, Case, JudgedCase, ScriptCase, StdinCase
from rewards.code.checkers import Checker, same_output, same_value
from rewards.code.judge import Opinion
from rewards.code.script import reached
from rewards.evidence import SHOWN_CHARS, Failure, TestFacts, shown

_FAILED_ASSERT: Final = "raised AssertionError"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, what the run used, and, unless it is ACCEPTED, why."""

    verdict: Verdict
    facts: TestFacts
    failure: Failure | None


def judge(index: int, case: Case, run: TestRun, checker: Checker) -> Judgement:
    """Judge the run of test `index`.

    What the kernel saw comes first: a right answer of a run that ended badly is not right. An exit code of 0 alone
    proves nothing: a call has to have returned a value, asserts have to have reached their end. A failed assert is
    WRONG_ANSWER.
    """
    verdict = run.outcome.verdict
    if verdict is Verdict.ACCEPTED and not _right(case, run, checker):
        verdict = Verdict.WRONG_ANSWER
    if verdict is Verdict.RUNTIME_ERROR and isinstance(case, AssertsCase) and _failed_assert(run):
        verdict = Verdict.WRONG_ANSWER
    return _judgement(index, case, run, verdict)


def judge_with(index: int, case: JudgedCase, run: TestRun, opinion: Opinion | None) -> Judgement:
    """The same where a judge has looked at the output; None where there was no clean end to look at."""
    verdict = run.outcome.verdict
    if opinion is not None:
        verdict = Verdict.ACCEPTED if opinion.right else Verdict.WRONG_ANSWER
        run = structs.replace(run, problem=f"the judge: {opinion.words}" if opinion.words else None)
    return _judgement(index, case, run, verdict)


def _judgement(index: int, case: Case, run: TestRun, verdict: Verdict) -> Judgement:
    # A program that does not compile never ran: the numbers are the compiler's.
    ran = run.outcome.compile if verdict is Verdict.COMPILE_ERROR and run.outcome.compile else run.outcome
    facts = TestFacts(
        verdict=verdict,
        cpu_seconds=round(ran.cpu_seconds, 6),
        wall_seconds=round(ran.wall_seconds, 6),
        queue_seconds=round(ran.queue_seconds, 6),
        peak_memory_bytes=ran.peak_memory_bytes,
    )
    return Judgement(verdict, facts, None if verdict is Verdict.ACCEPTED else _failure(index, case, run, verdict))


def _right(case: Case, run: TestRun, checker: Checker) -> bool:
    match case:
        case StdinCase(expected=expected, also=also):
            rule, got = case.checker or checker, run.outcome.stdout
            return any(same_output(got, right, rule) for right in (expected, *also))
        case CallCase(expected=expected, also=values):
            rule, returned = case.checker or checker, run.returned
            return returned is not msgspec.UNSET and any(
                same_value(returned, right, rule) for right in (expected, *values)
            )
        case AssertsCase():
            return run.finished
        case ScriptCase(script=mark):
            return reached(run.outcome.stdout, mark)
        case JudgedCase():
            return False  # its judge says


def _failed_assert(run: TestRun) -> bool:
    return run.problem is not None and run.problem.startswith(_FAILED_ASSERT)


def _failure(index: int, case: Case, run: TestRun, verdict: Verdict) -> Failure:
    outcome = run.outcome
    expected = got = None
    if verdict is Verdict.COMPILE_ERROR:
        return Failure(test=index, problem=_compiler_said(outcome))
    if isinstance(case, StdinCase):
        expected, got = shown(case.expected), shown(outcome.stdout)
    elif isinstance(case, JudgedCase):
        expected, got = None if case.expected is None else shown(case.expected), shown(outcome.stdout)
    elif isinstance(case, CallCase):
        expected = shown_value(case.expected)
        got = None if run.returned is msgspec.UNSET else shown_value(run.returned)
    return Failure(
        test=index, expected=expected, got=got, problem=_problem(run, verdict), stderr=_end_of(outcome.stderr) or None
    )


def _problem(run: TestRun, verdict: Verdict) -> str | None:
    raised = run.problem is not None and run.problem.startswith("raised ")
    if verdict is Verdict.WRONG_ANSWER or (verdict is Verdict.RUNTIME_ERROR and raised):
        return None if run.problem is None else shown(run.problem)
    return _how_it_ended(run.outcome, verdict)


def _end_of(stderr: bytes) -> str:
    if len(stderr) <= SHOWN_CHARS:
        return shown(stderr)
    return "…" + shown(stderr[-SHOWN_CHARS + 1 :])


def shown_value(value: object) -> str:
    """Plain data as Python writes it, cut; a text keeps its quotes, so that "3" and 3 look different."""
    # In a list, because texts and bytes by themselves are shown as what they say.
    return shown([value]).removeprefix("[").removesuffix("]")


def _compiler_said(outcome: Outcome) -> str:
    compiler = outcome.compile
    if compiler is None:
        return "the compiler said nothing"
    if compiler.stopped_by is not None:
        return f"the compiler was stopped at its {compiler.stopped_by} limit"
    return shown(compiler.stderr or compiler.stdout) or f"the compiler ended with exit code {compiler.exit_code}"


def _how_it_ended(outcome: Outcome, verdict: Verdict) -> str:
    match verdict:
        case Verdict.TIME_LIMIT:
            used = f"after {outcome.cpu_seconds:.3f} s of CPU time and {outcome.wall_seconds:.3f} s in all"
            return f"stopped at the {outcome.stopped_by} limit {used}"
        case Verdict.MEMORY_LIMIT:
            return f"{outcome.oom_kills} of its processes killed at the memory limit"
        case Verdict.OUTPUT_LIMIT:
            return "more output than its limit"
        case Verdict.RUNTIME_ERROR if outcome.signal is not None:
            return f"ended by signal {_signal_name(outcome.signal)}"
        case _:
            return f"exit code {outcome.exit_code}"


def _signal_name(number: int) -> str:
    known = {each.value: each.name for each in signal.Signals}
    return known.get(number, str(number))
