"""A program cannot buy "not judged", and a fault of ours is never a verdict."""

from __future__ import annotations

import dataclasses
from typing import Literal

import pytest

from engine.errors import SandboxError
from engine.pool.job import Completion, Job, outcome_of
from engine.program import Limits, Verdict
from engine.proof.control import CONTROL
from engine.proof.faults import settle


@dataclasses.dataclass(frozen=True)
class Ended:
    """A completion, as the native module would tell it."""

    fault: str | None = None
    blameless: bool = False
    warm: bool = False
    run_id: int = 1
    exit_code: int | None = None
    signal: int | None = None
    stopped_by: Literal["cpu", "wall", "output", "cancel"] | None = None
    cpu_seconds: float = 0.5
    wall_seconds: float = 0.75
    held_seconds: float = 0.25
    peak_memory_bytes: int = 4096
    oom_kills: int = 0
    refused_processes: int = 0
    stdout: bytes = b"out"
    stderr: bytes = b"err"
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    channel: bytes = b""
    files: list[tuple[str, bytes]] = dataclasses.field(default_factory=list)


FAULT = Ended(fault="keeper lost")
BLAMELESS = Ended(fault="sendmsg: Too many references", blameless=True)
FINE = Ended(exit_code=0)
JOB = Job(argv=("/program/main",), limits=Limits())


async def judged(first: Ended, *answers: Ended) -> tuple[Completion, list[Job]]:
    asked: list[Job] = []
    left = list(answers)

    async def attempt(job: Job) -> Completion:
        asked.append(job)
        return left.pop(0)

    try:
        return await settle(JOB, first, attempt), asked
    finally:
        assert not left


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        (Ended(fault="keeper lost", oom_kills=1), Verdict.MEMORY_LIMIT),
        (Ended(fault="keeper lost", oom_kills=1, exit_code=0), Verdict.MEMORY_LIMIT),
        (Ended(fault="keeper lost", refused_processes=3), Verdict.RUNTIME_ERROR),
        (Ended(fault="keeper lost", stopped_by="cpu"), Verdict.TIME_LIMIT),
        (Ended(fault="keeper lost", stopped_by="wall"), Verdict.TIME_LIMIT),
    ],
)
async def test_a_fault_with_evidence_against_the_program_is_its_own(first: Ended, verdict: Verdict) -> None:
    completion, asked = await judged(first)
    assert asked == []
    assert outcome_of(completion, 0.0).verdict is verdict


async def test_a_second_try_that_goes_well_is_the_answer() -> None:
    completion, asked = await judged(FAULT, FINE)
    assert (completion, asked) == (FINE, [JOB])


async def test_what_was_wrong_with_us_and_has_passed_is_no_verdict() -> None:
    completion, asked = await judged(FAULT, FAULT, FINE, FINE)
    assert (completion, asked) == (FINE, [JOB, CONTROL, JOB])


async def test_a_fault_where_the_control_has_just_run_is_the_programs() -> None:
    completion, asked = await judged(FAULT, FAULT, FINE, FAULT)
    assert asked == [JOB, CONTROL, JOB]
    outcome = outcome_of(completion, 0.0)
    assert outcome.verdict is Verdict.RUNTIME_ERROR
    assert (outcome.signal, outcome.exit_code) == (9, None)
    assert (outcome.cpu_seconds, outcome.stdout, outcome.stderr) == (0.5, b"out", b"err")


async def test_a_second_fault_with_evidence_needs_no_control() -> None:
    completion, asked = await judged(FAULT, Ended(fault="keeper lost", oom_kills=2))
    assert asked == [JOB]
    assert outcome_of(completion, 0.0).verdict is Verdict.MEMORY_LIMIT


@pytest.mark.parametrize("control", [FAULT, Ended(exit_code=1), Ended(signal=9)])
async def test_where_the_control_does_not_run_the_fault_is_ours(control: Ended) -> None:
    with pytest.raises(SandboxError, match="keeper lost"):
        await judged(FAULT, FAULT, control)


@pytest.mark.parametrize("faults", [(BLAMELESS, BLAMELESS), (BLAMELESS, FAULT), (FAULT, BLAMELESS)])
async def test_a_fault_that_is_no_programs_counts_against_none(faults: tuple[Ended, Ended]) -> None:
    with pytest.raises(SandboxError, match="Too many references"):
        await judged(*faults)


async def test_after_a_fault_that_is_no_programs_a_second_try_is_the_answer() -> None:
    completion, asked = await judged(BLAMELESS, FINE)
    assert (completion, asked) == (FINE, [JOB])


def test_an_outcome_has_every_fact() -> None:
    ended = Ended(
        exit_code=3,
        stopped_by="output",
        oom_kills=1,
        refused_processes=2,
        stdout_truncated=True,
        stderr_truncated=True,
        channel=b"ch",
        files=[("a", b"1")],
        warm=True,
    )
    outcome = outcome_of(ended, 1.5)
    assert (outcome.queue_seconds, outcome.started) == (1.75, "warm")
    assert outcome.files == {"a": b"1"}
    for name in set(outcome.__struct_fields__) - {"queue_seconds", "started", "files", "compile", "not_enforced"}:
        assert getattr(outcome, name) == getattr(ended, name), name


def test_a_run_cancelled_by_nobody_who_waits_is_no_outcome() -> None:
    with pytest.raises(SandboxError, match="closed"):
        outcome_of(Ended(signal=9, stopped_by="cancel"), 0.0)
