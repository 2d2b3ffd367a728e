"""Load does not change a verdict: a thousand runs of every kind, alone and beside processes that spin outside."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from engine.engine import Engine
from engine.program import Limits, Outcome, Program, Verdict
from tests.support.hostile import Hostile, named, programs
from tests.support.runtimes import NewEngine

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(400)]
in_one_loop = pytest.mark.asyncio(loop_scope="module")

SEED = 20250219
RUNS = 1_000
AT_ONCE = 64
# Of 1,000 runs, how many have that verdict: mostly programs that are right or plainly wrong, as a policy writes them.
SHARES = {
    Verdict.ACCEPTED: 640,
    Verdict.WRONG_ANSWER: 120,
    Verdict.RUNTIME_ERROR: 80,
    Verdict.COMPILE_ERROR: 40,
    Verdict.TIME_LIMIT: 50,
    Verdict.MEMORY_LIMIT: 40,
    Verdict.OUTPUT_LIMIT: 30,
}
# What most of the accepted ones are.
ORDINARY = ("right_python.py", "right_c.c", "right_cpp.cpp", "right_bash.sh", "loopback.py")
SPINNER = "while True: pass"
# Beside spinners the kernel may not free in time what it remembers for it: then it is at its limit.
RECLAIMED = ("names_looked_up.c",)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(host_services: list[str], new_engine: NewEngine) -> AsyncIterator[Engine]:
    async with new_engine(slots=4) as engine:
        yield engine


@contextlib.contextmanager
def spinning(count: int) -> Iterator[None]:
    """Processes outside that take all the CPU time they can get."""
    outside = [subprocess.Popen(["/usr/bin/python3", "-c", SPINNER]) for _ in range(count)]
    try:
        yield
    finally:
        for process in outside:
            process.kill()
        for process in outside:
            process.wait()


def mix(spinners: int) -> list[Hostile]:
    """The same thousand every time."""
    chance = random.Random(SEED)
    known = [hostile for hostile in programs() if not (spinners and hostile.name in RECLAIMED)]
    by_verdict = {verdict: [hostile for hostile in known if hostile.verdict is verdict] for verdict in Verdict}
    ordinary = [named(name) for name in ORDINARY]
    chosen: list[Hostile] = []
    for verdict, share in SHARES.items():
        if verdict is Verdict.ACCEPTED:
            # Every accepted trick once, the rest ordinary.
            chosen += by_verdict[verdict]
            chosen += chance.choices(ordinary, k=share - len(by_verdict[verdict]))
        else:
            chosen += chance.choices(by_verdict[verdict], k=share)
    chance.shuffle(chosen)
    return chosen


async def run(engine: Engine, hostile: Hostile, turn: asyncio.Semaphore) -> Outcome:
    async with turn:
        return await hostile.run(engine)


@pytest.mark.parametrize("spinners", [0, 4])
def test_the_shares_are_those_of_the_mix(spinners: int) -> None:
    chosen = mix(spinners)
    assert len(chosen) == RUNS
    assert Counter(hostile.verdict for hostile in chosen) == SHARES


@pytest.mark.thorough
@pytest.mark.native_only("minutes of load; every program of the mix runs on crun in test_hostile")
@in_one_loop
@pytest.mark.parametrize("spinners", [0, 4])
async def test_a_thousand_runs(engine: Engine, spinners: int) -> None:
    chosen = mix(spinners)
    turn = asyncio.Semaphore(AT_ONCE)
    with spinning(spinners):
        outcomes = await asyncio.gather(*[run(engine, hostile, turn) for hostile in chosen])
    verdicts = zip(chosen, outcomes, strict=True)
    wrong = [
        f"{hostile.name}: " + "; ".join(hostile.complaints(outcome))
        for hostile, outcome in verdicts
        if hostile.verdict_of(outcome) is not hostile.verdict
    ]
    assert not wrong, f"{len(wrong)} of {RUNS}: " + "\n".join(wrong[:5])


@pytest.mark.thorough
@pytest.mark.crun_is_soak("who goes first is decided by the engine and the control groups, the same for both")
@in_one_loop
async def test_endless_loops_do_not_starve_right_programs(engine: Engine) -> None:
    endless = Program(source="while True: pass")
    right = named("right_python.py")
    loops = [engine.run(endless, limits=Limits(cpu_seconds=0.2), client="loops") for _ in range(300)]
    answers = [engine.run(right.program, right.stdin, client="answers") for _ in range(30)]
    outcomes = await asyncio.gather(*loops, *answers)
    assert Counter(outcome.verdict for outcome in outcomes[:300]) == {Verdict.TIME_LIMIT: 300}
    assert [right.complaints(outcome) for outcome in outcomes[300:]] == [[]] * 30


@in_one_loop
async def test_one_client_alone_is_judged_in_full(engine: Engine) -> None:
    """The same flood without client names: served in order, and still every one is judged."""
    endless, right = Program(source="while :; do :; done", language="bash"), named("right_bash.sh")
    loops = [engine.run(endless, limits=Limits(cpu_seconds=0.1)) for _ in range(100)]
    answers = [engine.run(right.program, right.stdin) for _ in range(10)]
    outcomes = await asyncio.gather(*loops, *answers)
    assert Counter(outcome.verdict for outcome in outcomes) == {Verdict.TIME_LIMIT: 100, Verdict.ACCEPTED: 10}
