"""What was written to cgroup v1 is what another library reads there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cgroupspy.controllers import Controller
from cgroupspy.trees import Tree

from engine.engine import Engine
from engine.program import MIB, Limits, Program, Verdict
from tests.support.traces import Instance, running, wait_until_running

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not Path("/sys/fs/cgroup/memory/tasks").exists(), reason="needs the memory controller of v1"),
]

HIERARCHIES = ("memory", "cpu", "cpuacct", "pids")
LIMITS = Limits(memory_bytes=96 * MIB, cpus=0.5, processes=7)
SLEEPS = Program("import time; time.sleep(1)")
# Longer than a look at all hierarchies takes on a busy machine.
WAITS = Program("import time; time.sleep(60)")
BOMB = Program("x = b'1' * (1 << 30)")
# What the slot itself holds comes on top of a program's limit.
MOST_HELD = 32 * MIB


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Engine]:
    async with Engine(slots=1) as engine:
        yield engine


def nodes(name: str) -> dict[str, Any]:
    """The group of that name in each hierarchy, as cgroupspy finds it."""
    tree = Tree(groups=HIERARCHIES)
    return {node.path.decode().split("/")[1]: node for node in tree.walk() if node.name == name.encode()}


def slot(engine: Engine) -> dict[str, Any]:
    found = nodes(engine.facts()["instance"])
    assert set(found) == set(HIERARCHIES)
    return {hierarchy: instance.children[0] for hierarchy, instance in found.items()}


async def test_limits_are_there_while_a_program_runs(engine: Engine) -> None:
    under_way = asyncio.create_task(engine.run(WAITS, limits=LIMITS))
    instance = Instance.of(engine.facts())
    await wait_until_running(instance)
    found = slot(engine)
    memory, cpu = found["memory"].controller, found["cpu"].controller
    assert LIMITS.memory_bytes <= memory.limit_in_bytes <= LIMITS.memory_bytes + MOST_HELD
    assert memory.memsw_limit_in_bytes == memory.limit_in_bytes
    assert memory.oom_control["oom_kill_disable"] == 0
    assert cpu.cfs_quota_us / cpu.cfs_period_us == LIMITS.cpus
    # cgroupspy has no class for the pids controller.
    pids = Controller(found["pids"])
    assert int(pids.get_property(b"pids.max")) == LIMITS.processes + 1
    for hierarchy, node in found.items():
        assert set(Controller(node).procs) == {*instance.keepers, *running(instance)}, hierarchy
    under_way.cancel()
    await asyncio.wait([under_way])


async def test_counters_are_what_the_outcome_says(engine: Engine) -> None:
    await engine.run(SLEEPS, limits=LIMITS)
    found = slot(engine)
    memory, time = found["memory"].controller, found["cpuacct"].controller
    oom_kills, used = memory.oom_control["oom_kill"], time.usage
    outcome = await engine.run(BOMB, limits=LIMITS)
    assert outcome.verdict is Verdict.MEMORY_LIMIT
    assert memory.oom_control["oom_kill"] - oom_kills == outcome.oom_kills
    assert (time.usage - used) / 1e9 >= outcome.cpu_seconds > 0


async def test_nothing_is_left_in_any_hierarchy() -> None:
    async with Engine(slots=2) as engine:
        name = engine.facts()["instance"]
        assert set(nodes(name)) == set(HIERARCHIES)
    assert nodes(name) == {}
