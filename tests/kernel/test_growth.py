"""Nothing grows with the number of runs: a mix of normal, hostile and cancelled programs, and supervisors killed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from engine.engine import Engine
from engine.errors import SandboxError
from engine.program import Limits, Program
from tests.support.growth import Growth, own_group, sample
from tests.support.growth_report import draw, table
from tests.support.hostile import Hostile, named
from tests.support.traces import Instance

pytestmark = pytest.mark.kernel

SLOTS = 4
SEED = 20_261
REPORT = Path(__file__).parents[2] / ".benchmarks"
TRUE = ["/usr/bin/true"]
SLEEPS = Program(source="exec sleep 1000", language="bash")
RIGHT = ("right_bash.sh", "right_python.py", "right_c.c", "loopback.py")
# Each leaves, breaks or tries something else, and none takes long.
HOSTILE = (
    "leftovers.py",
    "locks_left.py",
    "connections_left.py",
    "double_fork_orphan.py",
    "orphan_holds_stdout.py",
    "zombies.py",
    "memfd_in_flight.py",
    "stdout_in_flight.py",
    "hard_links.py",
    "network_changed.py",
    "stdin_tampered.py",
    "exec_memfd.py",
    "kill_pid_one.py",
    "kill_parent.py",
    "stops_itself.py",
    "memory_bomb_list.py",
    "remove_everything.sh",
    "mounts_made.c",
    "namespaces_made.c",
    "message_queues.c",
    "keyrings.c",
    "fork_bomb_left_behind.sh",
)
# In a hundred runs: programs that do nothing, right ones, hostile ones, cancelled ones.
MIXED = (70, 20, 7, 3)
# Nearly all from a zygote, those that break into nothing too.
WARM = (0, 96, 3, 1)
KILLED_EVERY_SAMPLES = 2
REST_SECONDS = 10.0


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[tuple[Engine, Engine, Path]]:
    """One engine that is looked at, one whose supervisor is killed again and again, and the control group of both."""
    with own_group() as group:
        async with Engine(slots=SLOTS) as engine, Engine(slots=1) as doomed:
            yield engine, doomed, group


def mix(chance: random.Random, weights: Sequence[int]) -> Iterator[str | Hostile | None]:
    """What the runs are: the program that does nothing, one with a verdict, or None for one that is cancelled."""
    among = RIGHT if weights[0] else ("right_python.py",)
    right, hostile = [named(name) for name in among], [named(name) for name in HOSTILE]
    for kind in itertools.chain.from_iterable(chance.choices(range(4), weights, k=100) for _ in itertools.count()):
        yield (TRUE[0], chance.choice(right), chance.choice(hostile), None)[kind]


async def run(engine: Engine, what: str | Hostile | None) -> list[str]:
    """One run of the mix; what is wrong with it."""
    if isinstance(what, str):
        outcome = await engine.run_argv([what])
        return [] if outcome.clean else [str(outcome)]
    if what is None:
        under_way = asyncio.create_task(engine.run(SLEEPS, limits=Limits(wall_seconds=60)))
        await asyncio.sleep(0.01)
        under_way.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await under_way
        return []
    return [f"{what.name}: {complaint}" for complaint in what.complaints(await what.run(engine))]


async def at_rest(engine: Engine) -> None:
    """Waits until every slot has a living keeper that has been renewed."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + REST_SECONDS
    await asyncio.gather(*[engine.run_argv(TRUE) for _ in range(SLOTS)])
    while not _are_parked(engine.facts()):
        assert loop.time() < deadline, "the slots do not come to rest"
        await asyncio.sleep(0.01)


def _are_parked(facts: dict[str, str]) -> bool:
    """Every keeper alive and asleep, with no other children than the parked one and a zygote where there is one."""
    states, born = "", 0
    for keeper in Instance.of(facts).keepers:
        try:
            states += Path(f"/proc/{keeper}/stat").read_text().rpartition(")")[2].split()[0]
            born += len(Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split())
        except OSError:
            return False
    zygotes = int(facts["warm"].split()[0])
    # A keeper whose parked child still shares its memory waits in the kernel, uninterruptibly.
    return set(states) <= {"S", "D"} and born <= SLOTS + zygotes


async def kill_supervisor(doomed: Engine) -> None:
    """The engine gets another one, and what ran meanwhile is never misjudged."""
    under_way = asyncio.create_task(doomed.run(SLEEPS, limits=Limits(wall_seconds=0.2)))
    await asyncio.sleep(0.02)
    os.kill(Instance.of(doomed.facts()).supervisor, signal.SIGKILL)
    with contextlib.suppress(SandboxError):
        assert (await under_way).stopped_by == "wall"
    assert (await doomed.run_argv(TRUE)).clean


async def soaked(runs: int, samples: int, weights: Sequence[int], console: Console) -> tuple[Growth, list[str]]:
    """So many runs, sampled so often; the samples, and what was wrong with runs."""
    growth, wrong = Growth(), []
    what = mix(random.Random(SEED), weights)
    each = runs // samples
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    async with running() as (engine, doomed, group):
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("runs", total=runs)
            for number in range(samples):
                left = iter(range(each))

                async def one_after_another(left: Iterator[int] = left) -> None:
                    for _ in left:
                        wrong.extend(await run(engine, next(what)))
                        progress.advance(task)

                async with asyncio.TaskGroup() as callers:
                    for _ in range(SLOTS):
                        callers.create_task(one_after_another())
                if number % KILLED_EVERY_SAMPLES == 0:
                    await kill_supervisor(doomed)
                await at_rest(engine)
                growth.add((number + 1) * each, sample(Instance.of(engine.facts()), group, os.getpid()))
    return growth, wrong


@pytest.mark.parametrize(
    ("runs", "samples", "weights"),
    [
        pytest.param(10_000, 50, MIXED, id="short", marks=[pytest.mark.thorough, pytest.mark.timeout(800)]),
        pytest.param(100_000, 200, MIXED, id="long", marks=pytest.mark.soak),
        pytest.param(100_000, 200, WARM, id="warm", marks=pytest.mark.soak),
    ],
)
async def test_nothing_grows(
    host_services: list[str],
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
    runs: int,
    samples: int,
    weights: Sequence[int],
) -> None:
    with capsys.disabled():
        console = Console(width=100)
        growth, wrong = await soaked(runs, samples, weights, console)
        console.print(table(growth))
    draw(growth, REPORT / f"growth-{request.node.callspec.id}.png")
    assert not wrong, f"{len(wrong)} of {runs}: " + "\n".join(wrong[:5])
    assert not (found := growth.complaints()), "\n".join(found)
