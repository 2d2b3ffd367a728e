"""Every program of tests/programs gets exactly its verdict, every time, and leaves its slot as new.

Both ways of renewal must see the same: `proved`, where what a run left untouched stays, and `always`, the reference.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from engine import BadInput, Engine, EngineConfig
from engine.config.engine import Fresh
from engine.program import Limits, Outcome, Program, Verdict
from tests.support.hostile import PROBE, PROGRAMS, Hostile, named, programs
from tests.support.runtimes import NewEngine
from tests.support.warmth import warm_up

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 5
SOAK_REPEATS = 50
# Some 14 MiB when new; the peak of an earlier run would be more.
PROBE_PEAK_BYTES = 40 << 20
PROBE_PROGRAM = Program(source=(PROGRAMS / PROBE).read_text())
WITHIN = named("memory_within.py")
# Run like this a program is given no file, which alone would have its surroundings renewed.
BY_ARGUMENT = {
    "python": ("/usr/bin/python3", "-c"),
    "bash": ("/usr/bin/bash", "-c"),
    "javascript": ("/usr/bin/node", "-e"),
}
Probe = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(host_services: list[str], new_engine: NewEngine) -> AsyncIterator[Engine]:
    async with new_engine(slots=4) as engine:
        yield await warmed_up(engine)
    assert not host_services


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_slot(new_engine: NewEngine, fresh: Fresh) -> AsyncIterator[Engine]:
    async with new_engine(slots=1, fresh=fresh) as engine:
        yield await warmed_up(engine)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def as_new() -> list[Probe]:
    """What the first run of a new slot sees, as a file and by argument."""
    seen = []
    for look in (probe, probe_by_argument):
        async with Engine(slots=1, config=EngineConfig(fresh="always")) as engine:
            seen.append(await look(engine))
    return seen


async def warmed_up(engine: Engine) -> Engine:
    """Programs in Python run as forks of one that is ready, where the runtime has such."""
    return await warm_up(engine) if engine.facts()["runtime"] == "native" else engine


async def run_by_argument(engine: Engine, program: Program, stdin: bytes, limits: Limits) -> Outcome:
    return await engine.run_argv([*BY_ARGUMENT[program.language], program.source], stdin, limits)


async def probe(engine: Engine) -> Probe:
    return seen_by(await engine.run(PROBE_PROGRAM))


async def probe_by_argument(engine: Engine) -> Probe:
    return seen_by(await run_by_argument(engine, PROBE_PROGRAM, b"", Limits()))


def seen_by(outcome: Outcome) -> Probe:
    assert outcome.verdict is Verdict.ACCEPTED, outcome.stderr.decode(errors="replace")
    # The counters of an earlier run must not show in the evidence of the next.
    assert (outcome.oom_kills, outcome.refused_processes) == (0, 0)
    assert outcome.peak_memory_bytes < PROBE_PEAK_BYTES
    seen: Probe = json.loads(outcome.stdout)
    return seen


async def check(engine: Engine, hostile: Hostile, repeats: int) -> None:
    outcomes = await asyncio.gather(*[hostile.run(engine) for _ in range(repeats)])
    complaints = [found for outcome in outcomes if (found := hostile.complaints(outcome))]
    assert not complaints, f"{len(complaints)} of {repeats}: " + "\n".join(complaints[0])


def leaves_traces(hostile: Hostile) -> bool:
    # One that is plainly right leaves what the others leave.
    return hostile.section not in ("Languages", "Cheating the judge")


def each(hostiles: Iterable[Hostile]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("hostile", [pytest.param(hostile, id=hostile.name) for hostile in hostiles])


# Those that leave traces are judged where their slot is looked at.
@each(hostile for hostile in programs() if not leaves_traces(hostile))
async def test_the_verdict_is_exact(engine: Engine, hostile: Hostile) -> None:
    await check(engine, hostile, 1)


@pytest.mark.thorough
@pytest.mark.native_only("a container is used once, so that a second run is no other than the first")
@each(programs())
async def test_the_verdict_is_exact_beside_itself_and_again(engine: Engine, hostile: Hostile) -> None:
    await check(engine, hostile, AT_ONCE)


@pytest.mark.soak
@each(programs())
async def test_the_verdict_stays_exact(engine: Engine, hostile: Hostile) -> None:
    await check(engine, hostile, SOAK_REPEATS)


@each(hostile for hostile in programs() if leaves_traces(hostile))
async def test_the_slot_is_as_new(one_slot: Engine, as_new: list[Probe], hostile: Hostile) -> None:
    assert not (found := hostile.complaints(await hostile.run(one_slot))), "\n".join(found)
    same(await probe(one_slot), as_new[0])
    # What the kernel still counts for the earlier run would take from this one, which needs nearly all of its memory.
    assert not (found := WITHIN.complaints(await WITHIN.run(one_slot))), "\n".join(found)
    if hostile.program.language in BY_ARGUMENT:
        await run_by_argument(one_slot, hostile.program, hostile.stdin, hostile.limits)
        same(await probe_by_argument(one_slot), as_new[1])


def same(seen: Probe, as_new: Probe) -> None:
    assert seen.keys() == as_new.keys()
    assert not list(differences(seen, as_new))


def differences(seen: Probe, as_new: Probe, place: str = "") -> Iterator[str]:
    for key in sorted(seen.keys() | as_new.keys()):
        was, now = as_new.get(key), seen.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from differences(now, was, f"{place}{key}: ")
        elif was != now:
            yield f"{place}{key}: {now} instead of {was}"


async def test_every_exit_code(engine: Engine) -> None:
    outcomes = await asyncio.gather(*[exit_with(engine, f"exit {code}\n") for code in range(256)])
    assert [outcome.exit_code for outcome in outcomes] == list(range(256))
    assert [outcome.signal for outcome in outcomes] == [None] * 256
    assert {outcome.verdict for outcome in outcomes[1:]} == {Verdict.RUNTIME_ERROR}
    assert outcomes[0].verdict is Verdict.ACCEPTED


async def test_every_signal(engine: Engine) -> None:
    # CHLD, URG and WINCH end nothing, CONT neither; TSTP, TTIN and TTOU stop, as STOP does in stops_itself.py.
    harmless = {17, 18, 23, 28}
    stopping = {19, 20, 21, 22}
    # 32 and 33 belong to the C library, and bash knows no name for them.
    deadly = [number for number in range(1, 65) if number not in harmless | stopping | {32, 33}]
    outcomes = await asyncio.gather(*[exit_with(engine, f"signal {number}\n") for number in deadly])
    assert [outcome.signal for outcome in outcomes] == deadly
    assert {outcome.exit_code for outcome in outcomes} == {None}
    assert {outcome.verdict for outcome in outcomes} == {Verdict.RUNTIME_ERROR}
    assert {outcome.oom_kills for outcome in outcomes} == {0}


async def exit_with(engine: Engine, how: str) -> Outcome:
    return await engine.run(named("exit_with.py").program, how.encode(), Limits(cpu_seconds=2))


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "//workx/x", "/tmp/../x", "..", "../x", "a/../../x", "a/..", "./../x", "x\0y", "x/", ""]
)
async def test_names_that_leave_the_directory_are_refused(engine: Engine, name: str) -> None:
    with pytest.raises(BadInput) as caught:
        await engine.run(Program("print(1)", files={name: b"x"}))
    assert (caught.value.field, caught.value.value) == ("files", name)
    if name.startswith("/") or name.endswith("/"):
        return  # what is collected may be named by its whole path
    with pytest.raises(BadInput, match="collect"):
        await engine.run(Program("print(1)"), collect=[name])


async def test_a_large_input_costs_the_slot_nothing(engine: Engine) -> None:
    program = Program(source="import sys; n = 0\nwhile b := sys.stdin.buffer.read(65536): n += len(b)\nprint(n)")
    outcome = await engine.run(program, b"x" * (64 << 20), Limits(memory_bytes=32 << 20))
    assert (outcome.verdict, outcome.stdout, outcome.oom_kills) == (Verdict.ACCEPTED, b"67108864\n", 0)
    assert outcome.peak_memory_bytes < 24 << 20


async def test_two_engines_see_the_same_new_slot(as_new: list[Probe], new_engine: NewEngine) -> None:
    async with new_engine(slots=2) as engine:
        assert list(await asyncio.gather(probe(engine), probe(engine))) == [as_new[0]] * 2
