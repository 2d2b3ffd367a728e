"""Python programs as forks of an interpreter that is ready: when, for whom, and what becomes of it."""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from engine import BadInput, Engine, EngineConfig, Limits, Program
from engine.config.engine import Warm
from engine.harness.kinds import CallTest
from engine.machine import resources
from engine.program import Verdict
from tests.support.traces import Instance, children, wait_until_running
from tests.support.warmth import warm_up

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

PRINT = Program(source="print(1)")
SLOTS = 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Engine]:
    async with Engine(slots=1) as engine:
        yield await warm_up(engine)


async def started(engine: Engine, program: Program) -> str:
    outcome = await engine.run(program)
    assert outcome.verdict is Verdict.ACCEPTED, outcome.stderr.decode()
    return outcome.started


def zygotes(engine: Engine) -> list[int]:
    """Their pids, on the machine."""
    [keeper] = engine.facts()["keeper_pids"].split()
    children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    return [int(pid) for pid in children if "assay-parked" not in Path(f"/proc/{pid}/comm").read_text() and is_old(pid)]


async def parked(engine: Engine) -> list[int]:
    """Its zygotes, once the slot is warm and at rest: during renewal the end of one costs the slot."""
    await warm_up(engine)
    await until(lambda: is_renewed(engine))
    return zygotes(engine)


def is_renewed(engine: Engine) -> bool:
    """Whether the one slot is at rest: all of its processes sleep, and one is parked."""
    keeper = int(engine.facts()["keeper_pids"])
    try:
        born = children(keeper)
        states = {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in born}
        return states == {"S"} and len(born) == len(zygotes(engine)) + 1
    except OSError:
        return False


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def is_old(pid: str) -> bool:
    # Its own pid namespace counts programs from 2, and zygotes from 300.
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("NSpid:"))
    return int(line.split()[-1]) >= 300


@pytest.mark.cgroup2
async def test_the_first_run_is_cold_and_the_next_is_warm() -> None:
    async with Engine(slots=1) as engine:
        assert [await started(engine, PRINT) for _ in range(3)] == ["cold", "warm", "warm"]


async def test_a_burst_waits_for_pythons_that_start_rather_than_start_one_in_every_slot() -> None:
    work = Program(source="print(sum(number * number for number in range(100_000)))")
    slots = 20 * resources.cores()
    async with Engine(slots=slots) as engine:
        outcomes = await asyncio.gather(*(engine.run(work) for _ in range(slots)))
        assert {outcome.verdict for outcome in outcomes} == {Verdict.ACCEPTED}
        assert sum(outcome.started == "warm" for outcome in outcomes) > slots // 3
        assert int(engine.facts()["warm"].split()[0]) <= slots * 3 // 4


async def test_a_program_can_ask_for_its_own_start(engine: Engine) -> None:
    assert await started(engine, Program(source="print(1)", warm=False)) == "cold"
    assert await started(engine, PRINT) == "warm"


async def test_none_is_kept_where_the_configuration_says_so() -> None:
    async with Engine(slots=1, config=EngineConfig(warm_start=False)) as engine:
        assert [await started(engine, PRINT) for _ in range(3)] == ["cold"] * 3


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(Program(source="print(1)", prelude="competitive"), id="another environment"),
        pytest.param(
            Program(source="print(1)", files={".local/lib/python3.11/site-packages/sitecustomize.py": b""}),
            id="packages that Python looks for as it starts",
        ),
        pytest.param(Program(source="int main() { return 0; }", language="c"), id="another language"),
    ],
)
async def test_what_cannot_be_faithful_goes_cold_by_itself(engine: Engine, program: Program) -> None:
    assert await started(engine, program) == "cold"


async def test_other_programs_become_of_a_fork_what_they_are(engine: Engine) -> None:
    await warm_up(engine)
    outcome = await engine.run_argv(
        ["/usr/bin/python3", "-c", "import sys, signal; print(signal.getsignal(13), sys.argv)"]
    )
    assert outcome.started == "cold"
    assert outcome.stdout == b"1 ['-c']\n"
    outcome = await engine.run_argv(["/usr/bin/sh", "-c", "kill -PIPE $$; echo not reached"])
    assert (outcome.signal, outcome.stdout) == (signal.SIGPIPE, b"")
    assert await started(engine, PRINT) == "warm"


async def test_words_of_any_length_reach_a_program_that_is_executed(engine: Engine) -> None:
    await warm_up(engine)
    words = ["x" * 100_000, "y"]
    outcome = await engine.run_argv(["/usr/bin/sh", "-c", 'printf %s "$1$2" | wc -c', "sh", *words])
    assert outcome.stdout.strip() == b"100001"


async def test_function_calls_have_a_zygote_of_their_own(engine: Engine) -> None:
    program = Program(source="def f(x): return x + 1")
    tests = [CallTest(call="f", arguments=[number]) for number in range(3)]
    for _ in range(2):
        assert [run.returned async for run in engine.tests(program, tests)] == [1, 2, 3]
    runs = [run async for run in engine.tests(program, tests)]
    assert {run.outcome.started for run in runs} == {"warm"}
    assert await started(engine, PRINT) == "warm"
    assert len(zygotes(engine)) == 2


async def test_a_named_kind_is_for_programs_that_import_it() -> None:
    config = EngineConfig(warm={"tables": Warm(preload=("sqlite3", "csv"))})
    async with Engine(slots=1, config=config) as engine:
        tables = Program(source="import sys\nprint('csv' in sys.modules)\nimport csv, sqlite3\nprint(csv.__name__)")
        outcomes = [await engine.run(tables) for _ in range(3)]
        assert {outcome.stdout for outcome in outcomes} == {b"False\ncsv\n"}
        assert outcomes[-1].started == "warm"
        assert await started(engine, PRINT) == "cold"
        assert await started(engine, PRINT) == "warm"
        assert len(zygotes(engine)) == 2


@pytest.mark.parametrize("name", ["", "os; import x", "a-b", "é", "a..b"])
async def test_a_module_s_name_is_checked(name: str) -> None:
    with pytest.raises(BadInput, match=r"warm\.mine\.preload"):
        EngineConfig(warm={"mine": Warm(preload=(name,))})


async def test_a_kind_that_cannot_be_imported_leaves_the_others_alone() -> None:
    config = EngineConfig(warm={"broken": Warm(preload=("no_such_module",))})
    async with Engine(slots=1, config=config) as engine:
        program = Program(source="try:\n    import no_such_module\nexcept ImportError:\n    print('none')")
        for _ in range(5):
            outcome = await engine.run(program)
            assert (outcome.started, outcome.stdout) == ("cold", b"none\n")
        assert [await started(engine, PRINT) for _ in range(3)] == ["cold", "warm", "warm"]
        facts = engine.facts()
        told = "no_such_module stays cold in host: ModuleNotFoundError: No module named 'no_such_module'"
        assert facts["stays_cold"] == told
        assert "No module named 'no_such_module'" in facts["warm"]


async def test_a_module_that_prints_when_it_is_imported_is_nobody_else_s() -> None:
    # `this` prints into a buffer of Python's; a fork of that would print it too.
    config = EngineConfig(warm={"this": Warm(preload=("this",))})
    async with Engine(slots=1, config=config) as engine:
        assert "it prints when it is imported" in engine.facts()["stays_cold"]
        mentions = Program(source="print(2)\nif 0:\n    import this")
        outcomes = [await engine.run(mentions) for _ in range(5)]
        assert {(outcome.started, outcome.stdout) for outcome in outcomes} == {("cold", b"2\n")}
        # It was ready each time, before what it had printed was seen.
        assert " 3 lost" in engine.facts()["warm"]


async def test_kinds_that_become_ready_are_warm_from_the_first_run_on() -> None:
    config = EngineConfig(warm={"tables": Warm(preload=("sqlite3",))})
    async with Engine(slots=1, config=config) as engine:
        assert "stays_cold" not in engine.facts()
        assert await started(engine, Program(source="import sqlite3")) == "warm"


@pytest.mark.cgroup2
async def test_the_end_of_a_zygote_costs_no_run() -> None:
    async with Engine(slots=1) as engine:
        await warm_up(engine)
        [zygote] = zygotes(engine)
        running = asyncio.create_task(engine.run(Program(source="import time\ntime.sleep(1)\nprint('done')")))
        await wait_until_running(Instance.of(engine.facts()))
        os.kill(zygote, signal.SIGKILL)
        outcome = await running
        assert (outcome.started, outcome.stdout) == ("warm", b"done\n")
        # One that is killed while it waits takes the child that it has made with it into no run.
        [another] = await parked(engine)
        assert another != zygote
        os.kill(another, signal.SIGKILL)
        keeper = int(engine.facts()["keeper_pids"])
        await until(lambda: another not in children(keeper) and is_renewed(engine))
        assert (await engine.run(PRINT)).verdict is Verdict.ACCEPTED
        await warm_up(engine)
        assert engine.stats().faults == 0


async def test_no_moment_of_a_zygote_s_end_is_an_answer() -> None:
    async with Engine(slots=1) as engine:
        for moment in range(24):
            await warm_up(engine)
            killed = zygotes(engine)
            running = asyncio.create_task(engine.run(PRINT))
            for _ in range(moment % 3):
                await asyncio.sleep(0)
            await asyncio.sleep(moment % 8 * 0.0002)
            for zygote in killed:
                os.kill(zygote, signal.SIGKILL)
            assert (await running).stdout == b"1\n"


async def test_a_zygote_that_stands_still_costs_no_run() -> None:
    async with Engine(slots=1) as engine:
        [zygote] = await parked(engine)
        os.kill(zygote, signal.SIGSTOP)
        assert [(await engine.run(PRINT)).verdict for _ in range(3)] == [Verdict.ACCEPTED] * 3
        await warm_up(engine)
        assert engine.stats().faults == 0


@pytest.mark.parametrize(
    ("limit", "hard", "last", "said"),
    [
        (resource.RLIMIT_STACK, 600 << 20, "warm", "1 ready, 0 lost"),
        (resource.RLIMIT_NOFILE, 60, "cold", "0 ready, 3 lost; fcntl F_DUPFD_CLOEXEC: Invalid argument"),
    ],
    ids=["stack", "open files"],
)
async def test_where_one_does_not_start_it_is_told_why(limit: int, hard: int, last: str, said: str) -> None:
    """And the slot is kept."""
    async with Engine(slots=1) as engine:
        resource.prlimit(int(engine.facts()["supervisor_pid"]), limit, (hard, hard))
        os.kill(int(engine.facts()["keeper_pids"]), signal.SIGKILL)
        limits = Limits(open_files=32)
        assert [(await engine.run(PRINT, limits=limits)).started for _ in range(5)][-1] == last
        # The end of the first keeper, if a job was there before it was heard.
        assert engine.stats().faults <= 1
        assert engine.facts()["warm"].startswith(said)


async def test_a_fork_that_is_dead_when_its_job_comes_costs_nothing_but_a_second_try() -> None:
    double, call = Program(source="def f(x): return 2 * x"), [CallTest(call="f", arguments=[2])]

    async def kind(engine: Engine, called: bool) -> None:
        if called:
            assert [run.returned async for run in engine.tests(double, call)] == [4]
        else:
            assert (await engine.run(PRINT)).stdout == b"1\n"

    async with Engine(slots=1) as engine:
        for called in (False, False, True, True, False):
            await kind(engine, called)
        for called in (False, True):
            await kind(engine, False)
            await until(lambda: is_renewed(engine))
            keeper = int(engine.facts()["keeper_pids"])
            [fork] = [pid for pid in children(keeper) if pid not in zygotes(engine)]
            faults = engine.stats().faults
            os.kill(keeper, signal.SIGSTOP)
            os.kill(fork, signal.SIGKILL)
            under_way = asyncio.create_task(kind(engine, called))
            # The job is with the keeper when it hears of the end.
            await asyncio.sleep(0.3)
            os.kill(keeper, signal.SIGCONT)
            await under_way
            assert engine.stats().faults == faults + 1
            assert int(engine.facts()["keeper_pids"]) == keeper


@pytest.mark.cgroup2
async def test_sockets_of_a_run_are_not_kept_alive(engine: Engine) -> None:
    listens = "\n".join(
        [
            "import socket",
            "s = socket.socket()",
            "s.bind(('127.0.0.1', 4567))",
            "s.listen()",
            "print(open('/proc/net/tcp').read().count(':11D7'))",
        ]
    )
    namespace = "import os\nprint(os.readlink('/proc/self/ns/net'))"
    seen = []
    for _ in range(3):
        outcome = await engine.run(Program(source=listens))
        assert outcome.stdout == b"1\n", outcome.stderr
        outcome = await engine.run(Program(source=namespace))
        assert outcome.started == "warm"
        seen.append(outcome.stdout)
    # The number of one that is gone may be given again.
    assert all(before != after for before, after in itertools.pairwise(seen))


async def test_two_runs_draw_different_numbers(engine: Engine) -> None:
    program = Program(source="import random, uuid, tempfile\nprint(random.random(), uuid.uuid4(), tempfile.mktemp())")
    first, second = [(await engine.run(program)).stdout.split() for _ in range(2)]
    assert all(a != b for a, b in zip(first, second, strict=True))


@pytest.mark.cgroup2
async def test_a_small_memory_limit_is_the_program_s(engine: Engine) -> None:
    small = Limits(memory_bytes=12 << 20)
    assert (await engine.run(Program(source="x = bytearray(64 << 20)"), limits=small)).verdict is Verdict.MEMORY_LIMIT
    outcome = await engine.run(PRINT, limits=small)
    assert (outcome.verdict, outcome.started) == (Verdict.ACCEPTED, "warm")


@pytest.mark.cgroup2
async def test_one_process_is_enough(engine: Engine) -> None:
    outcome = await engine.run(PRINT, limits=Limits(processes=1))
    assert (outcome.verdict, outcome.started) == (Verdict.ACCEPTED, "warm")
    forks = Program(source="import os\ntry:\n    os.fork()\nexcept OSError as error:\n    print(error.errno)")
    outcome = await engine.run(forks, limits=Limits(processes=1))
    assert (outcome.stdout, outcome.refused_processes > 0) == (b"11\n", True)
