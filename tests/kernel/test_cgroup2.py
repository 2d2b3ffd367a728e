"""What only cgroup v2 has: leaves, delegated groups, and nothing dead that the kernel keeps."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.program import MIB, Limits, Program, Verdict
from tests.support.hostile import programs
from tests.support.traces import Instance, cgroups, running, wait_until_running

ROOT = Path(__file__).parents[2]
CGROUPS = Path("/sys/fs/cgroup")
CONTROLLERS = CGROUPS / "cgroup.controllers"
NAME = f"delegated-{os.getpid()}"

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.cgroup2,
    pytest.mark.skipif(
        not CONTROLLERS.exists() or "memory" not in CONTROLLERS.read_text(),
        reason="needs cgroup v2 with its controllers (make test-cgroup2 has it)",
    ),
]

# The emulated machine needs seconds of CPU time for what takes milliseconds elsewhere.
SLOWER = 20
PATIENT = Limits(cpu_seconds=60)

# Kernel threads clear namespaces and groups away some time later: so many may be on their way.
ON_THEIR_WAY = 64
SECONDS_TO_CLEAR_AWAY = 60.0


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Engine]:
    async with Engine(slots=2) as engine:
        yield engine


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group as a service manager delegates it; what lives in it in the end must be gone by itself."""
    group = CGROUPS / NAME
    group.mkdir()
    yield group
    for directory in (group / "assay-host", group):
        if directory.exists():
            directory.rmdir()


def children(group: Path) -> list[str]:
    return [path.name for path in group.iterdir() if path.is_dir()]


async def in_group(group: Path) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.in_cgroup", str(group), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    stdout, _ = await process.communicate()
    told: dict[str, Any] = json.loads(stdout)
    return told


def group_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text().strip()


async def test_keeper_and_program_are_siblings(engine: Engine) -> None:
    facts = engine.facts()
    assert facts["cgroup"] == "v2"
    instance = Instance.of(facts)
    under_way = asyncio.create_task(engine.run(Program("import time; time.sleep(1)")))
    await wait_until_running(instance)
    keepers = {group_of(pid) for pid in instance.keepers}
    assert keepers == {f"0::/{instance.name}/slot-{slot}/keeper" for slot in range(2)}
    for pid in running(instance):
        slot, _, leaf = group_of(pid).rpartition("/")
        assert f"{slot}/keeper" in keepers
        assert leaf.startswith("run-")
    assert (await under_way).clean


async def test_the_next_run_inherits_no_peak(engine: Engine) -> None:
    large, small = Program("x = b'1' * (64 << 20)"), Program("pass")
    for program, least, most in ((large, 64, 96), (small, 0, 32)) * 2:
        for outcome in await asyncio.gather(*[engine.run(program, limits=PATIENT) for _ in range(2)]):
            assert outcome.clean, outcome
            assert least * MIB < outcome.peak_memory_bytes < most * MIB


async def test_evidence_is_of_one_run(engine: Engine) -> None:
    limits = Limits(memory_bytes=64 * MIB, processes=4)
    bomb = Program("x = b'1' * (1 << 30)")
    forks = Program("while :; do sleep 100 & done 2>/dev/null", "bash")
    for _ in range(2):
        outcomes = await asyncio.gather(*[engine.run(bomb, limits=limits) for _ in range(2)])
        assert all(outcome.verdict is Verdict.MEMORY_LIMIT and outcome.oom_kills > 0 for outcome in outcomes)
        outcomes = await asyncio.gather(*[engine.run(forks, limits=limits) for _ in range(2)])
        assert all(outcome.refused_processes > 0 for outcome in outcomes)
        outcomes = await asyncio.gather(*[engine.run(Program("pass"), limits=limits) for _ in range(2)])
        assert {(outcome.clean, outcome.oom_kills, outcome.refused_processes) for outcome in outcomes} == {(True, 0, 0)}


async def test_every_hostile_program_gets_its_verdict(engine: Engine) -> None:
    left, wrong = iter(programs()), list[str]()

    async def one_after_another() -> None:
        for program in left:
            hostile = program.on_cgroup2().on_slow_machine(SLOWER)
            if found := hostile.complaints(await hostile.run(engine)):
                wrong.append(f"{hostile.name}: {' '.join(found)}")

    await asyncio.gather(one_after_another(), one_after_another())
    assert not wrong, "\n".join(wrong)


async def test_an_engine_in_a_delegated_group(group: Path) -> None:
    told = await in_group(group)
    assert told["stdout"] == "0::/\n\n"
    assert told["own"] == f"0::/{NAME}/assay-host\n"
    assert told["keeper"].startswith(f"0::/{NAME}/assay-")
    assert told["keeper"].endswith("/slot-0/keeper\n")
    # The next engine starts where the first one has moved its neighbours to, and makes no nest of groups.
    told = await in_group(group / "assay-host")
    assert told["stdout"] == "0::/\n\n"
    assert told["own"] == f"0::/{NAME}/assay-host\n"
    assert children(group) == ["assay-host"]


async def test_a_group_without_a_controller_is_refused_by_name(group: Path) -> None:
    (group / "cgroup.subtree_control").write_text("+memory +pids")
    poor = group / "poor"
    poor.mkdir()
    try:
        told = await in_group(poor)
    finally:
        poor.rmdir()
    assert "cpu" in told["refusal"]
    assert "Delegate=yes" in told["refusal"]


def dying_groups(engine: Engine) -> int:
    """The dead ones below the engine's own group."""
    group = cgroups(engine.facts()["instance"])[0]
    stat = dict(line.split() for line in (group / "cgroup.stat").read_text().splitlines())
    return int(stat["nr_dying_descendants"])


def dead_ipc_namespaces() -> int:
    """Those that the kernel holds and no process: the message queues of each are an inode of a cache of its own."""
    living = set()
    for link in Path("/proc").glob("[0-9]*/ns/ipc"):
        with contextlib.suppress(OSError):
            living.add(link.readlink())
    for line in Path("/proc/slabinfo").read_text().splitlines():
        if line.startswith("mqueue_inode_cache "):
            return int(line.split()[1]) - len(living)
    pytest.fail("/proc/slabinfo does not tell of message queues")


@pytest.mark.parametrize("runs", [1_000, pytest.param(20_000, marks=pytest.mark.soak)])
async def test_nothing_dead_piles_up(runs: int) -> None:
    program = Program("int main(void) { return 0; }", "c")
    async with Engine(slots=4, config=EngineConfig(fresh="always")) as engine:
        compile_limits = Limits(cpu_seconds=100)
        assert (await engine.run(program, compile_limits=compile_limits)).clean
        before = (dying_groups(engine), dead_ipc_namespaces())
        left = runs
        while left:
            outcomes = await asyncio.gather(*[engine.run(program, compile_limits=compile_limits) for _ in range(100)])
            assert all(outcome.clean for outcome in outcomes)
            left -= len(outcomes)
        deadline = time.monotonic() + SECONDS_TO_CLEAR_AWAY
        while True:
            grown = (dying_groups(engine) - before[0], dead_ipc_namespaces() - before[1])
            if max(grown) <= ON_THEIR_WAY or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
        assert max(grown) <= ON_THEIR_WAY, f"dying groups and dead IPC namespaces grew by {grown} in {runs} runs"
