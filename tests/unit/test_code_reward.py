"""What becomes of a code item when the sandbox faults: an engine of the same shape that faults on order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

import msgspec
import pytest

from engine import (
    BadInput,
    Engine,
    Limits,
    Outcome,
    Overloaded,
    Program,
    SandboxError,
    StdinTest,
    Test,
    TestRun,
    Verdict,
)
from rewards import CodeReward, NotJudged, Reward
from tests.support.evidence import failure_of


class ScriptedEngine:
    """Answers each test with its own input; inputs "fault" and "overload" raise, each time they are asked."""

    limits = Limits()
    ceilings = Limits(output_bytes=4 << 20)

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.given: Limits | None = None
        self.deadlines: list[float | None] = []

    async def tests(
        self,
        program: Program,
        tests: Sequence[Test],
        limits: Limits | None = None,
        *,
        deadline_seconds: float | None = None,
        client: str = "",
    ) -> AsyncGenerator[TestRun, None]:
        self.deadlines.append(deadline_seconds)
        self.given = limits
        for test in tests:
            assert isinstance(test, StdinTest)
            word = test.stdin.decode()
            self.asked.append(word)
            if word == "fault":
                raise SandboxError("keeper lost")
            if word == "overload":
                raise Overloaded("queue deadline passed after 1 s")
            yield TestRun(outcome=Outcome(exit_code=0, stdout=test.stdin))


async def scored(words: str, kind: str, **options: Any) -> tuple[Reward | NotJudged, ScriptedEngine]:
    engine = ScriptedEngine()
    tests = [{"stdin": word, "expected": "right"} for word in words.split()]
    reward = CodeReward(cast("Engine", engine), **options)
    return await reward.score({"completion": "x", "tests": tests, "reward": kind}), engine


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("right right", Verdict.ACCEPTED),
        ("right wrong fault", Verdict.WRONG_ANSWER),
        ("right fault wrong", Verdict.WRONG_ANSWER),
        ("fault right fault wrong right", Verdict.WRONG_ANSWER),
        ("right fault", None),
        ("fault right right", None),
        ("fault fault", None),
        ("right overload", None),
        ("fault overload", None),
    ],
)
async def test_all_is_judged_if_a_test_failed_whatever_faults(words: str, verdict: Verdict | None) -> None:
    reward, _ = await scored(words, "all")
    if verdict is None:
        assert isinstance(reward, NotJudged)
        assert reward.reason
        assert reward.to_wire()["reward"] is None
    else:
        assert isinstance(reward, Reward)
        assert reward.verdict is verdict


@pytest.mark.parametrize("words", ["fault right", "right fault wrong", "wrong fault", "right overload"])
async def test_a_fraction_with_a_fault_is_not_judged(words: str) -> None:
    reward, _ = await scored(words, "fraction")
    assert isinstance(reward, NotJudged)


async def test_a_fraction_counts_every_test() -> None:
    reward, engine = await scored("wrong right wrong right", "fraction")
    assert isinstance(reward, Reward)
    assert (reward.reward, reward.verdict, len(engine.asked)) == (0.5, Verdict.WRONG_ANSWER, 4)


async def test_all_stops_at_the_first_failure() -> None:
    reward, engine = await scored("right wrong right", "all")
    assert isinstance(reward, Reward)
    assert engine.asked == ["right", "wrong"]
    assert failure_of(reward).test == 1


@pytest.mark.parametrize("kind", ["all", "fraction"])
async def test_what_was_refused_before_it_began_can_be_sent_again(kind: str) -> None:
    with pytest.raises(Overloaded):
        await scored("overload right", kind)


async def test_the_deadline_goes_along() -> None:
    _, engine = await scored("fault right wrong", "all", deadline_seconds=30.0)
    assert len(engine.deadlines) > 1
    assert all(deadline is not None and 29.0 < deadline <= 30.0 for deadline in engine.deadlines)
    _, engine = await scored("right", "all")
    assert engine.deadlines == [None]


@pytest.mark.parametrize(
    ("expected", "own", "given"),
    [
        (b"", None, None),
        (b"x" * (1 << 19), None, None),
        (b"x" * 600_000, None, Limits(output_bytes=1_200_000)),
        (b"x" * (3 << 20), None, Limits(output_bytes=4 << 20)),
        (b"x" * 1000, Limits(cpu_seconds=1, output_bytes=100), Limits(cpu_seconds=1, output_bytes=2000)),
        (b"x" * 50, Limits(output_bytes=100), Limits(output_bytes=100)),
    ],
)
async def test_what_is_expected_fits_into_the_output(expected: bytes, own: Limits | None, given: Limits | None) -> None:
    engine = ScriptedEngine()
    item = {"completion": "x", "tests": [{"expected": b""}, {"expected": expected}]}
    if own is not None:
        item["limits"] = msgspec.to_builtins(own)
    await CodeReward(cast("Engine", engine)).score(item)
    assert engine.given == given


async def test_an_expected_output_that_nobody_may_print_is_refused() -> None:
    item = {"completion": "x", "tests": [{"expected": "1"}, {"expected": "x" * ((4 << 20) + 1)}]}
    with pytest.raises(BadInput, match=r"^tests\[1\]\.expected '4194305 bytes': the ceiling"):
        await CodeReward(cast("Engine", ScriptedEngine())).score(item)
