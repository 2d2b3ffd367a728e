"""Programs from Python's corners, and HumanEval's, are run cold and warm: what comes of them is the same."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from engine import Engine, Limits, Outcome, Program
from engine.program import MIB
from rewards.data.datasets import lines_of
from tests.support.corners import AREAS, corners
from tests.support.corners.accepted import ACCEPTED
from tests.support.corners.corner import Corner
from tests.support.warmth import warm_up

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

LIMITS = Limits(cpu_seconds=2.5, wall_seconds=15)
# What a program takes beside a cold run of it. Less: its modules are the zygote's. More: where threads are left, the
# interpreter's own end writes to all that the zygote had made.
LESS_MEMORY, MORE_MEMORY = 6 * MIB, 3 * MIB
# Addresses, and threads' identifiers, which are addresses too.
ADDRESS = re.compile(rb"0x[0-9a-f]{6,}|\b[0-9]{14,16}\b")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Engine]:
    async with Engine(slots=1) as engine:
        yield engine


@pytest.mark.timeout(400)
@pytest.mark.parametrize("area", AREAS)
async def test_corners(engine: Engine, area: str) -> None:
    found = await differences(engine, corners(area))
    surprises = {name: facts for name, facts in found.items() if name not in ACCEPTED}
    assert not surprises
    # What is the same by now needs no excuse.
    assert {name for name in ACCEPTED if name.startswith(f"{area}: ")} <= set(found)


async def test_only_what_is_there_is_accepted() -> None:
    assert set(ACCEPTED) <= {name for area in AREAS for name in corners(area)}


@pytest.mark.parametrize("body", [None, "    return None\n"], ids=["right", "wrong"])
async def test_humaneval(engine: Engine, data_file: Callable[[str], Path], body: str | None) -> None:
    programs = {}
    for problem in lines_of(data_file("HumanEval.jsonl.gz")):
        solution = problem["prompt"] + (problem["canonical_solution"] if body is None else body)
        source = f"{solution}\n{problem['test']}\ncheck({problem['entry_point']})\n"
        programs[problem["task_id"]] = Corner(source=source)
    assert len(programs) == 164
    assert await differences(engine, programs) == {}


DRAWS = {
    "random": "import random\nprint(random.random(), random.Random().random(), random.SystemRandom().random())",
    "secrets": "import secrets\nprint(secrets.token_hex(8))",
    "uuid": "import uuid\nprint(uuid.uuid4(), uuid.uuid1())",
    "tempfile": "import tempfile\nprint(tempfile.mkdtemp(), tempfile.mktemp())",
    "os": "import os\nprint(os.urandom(8).hex(), os.getrandom(8).hex())",
    "ssl": "import ssl\nprint(ssl.RAND_bytes(8).hex())",
    "hashlib": "import hashlib, ssl\nprint(ssl.RAND_bytes(8).hex())",
}


@pytest.mark.parametrize("source", DRAWS.values(), ids=DRAWS)
async def test_two_runs_draw_different_numbers(engine: Engine, source: str) -> None:
    await warm_up(engine)
    first, second = [await engine.run(Program(source=source)) for _ in range(2)]
    assert (first.started, second.started) == ("warm", "warm")
    words = zip(first.stdout.split(), second.stdout.split(), strict=True)
    assert first.stdout
    assert all(one != other for one, other in words), first.stdout


async def differences(engine: Engine, programs: Mapping[str, Corner]) -> dict[str, dict[str, tuple[object, object]]]:
    """By the program's name, then the fact's: cold and warm."""
    outcomes = {}
    for warm in (True, False):
        # A slot keeps ready what it was last asked for.
        await engine.run(Program(source="pass", warm=warm))
        for name, corner in programs.items():
            outcome = await engine.run(corner.program(warm=warm), corner.stdin, corner.limits or LIMITS)
            assert outcome.started == ("warm" if warm else "cold"), name
            outcomes[name, warm] = outcome
    found = {name: difference(outcomes[name, False], outcomes[name, True]) for name in programs}
    return {name: facts for name, facts in found.items() if facts}


def difference(cold: Outcome, warm: Outcome) -> dict[str, tuple[object, object]]:
    warm_facts = facts_of(warm)
    facts = {name: (fact, warm_facts[name]) for name, fact in facts_of(cold).items() if fact != warm_facts[name]}
    if not -LESS_MEMORY <= warm.peak_memory_bytes - cold.peak_memory_bytes <= MORE_MEMORY:
        facts["peak_memory_bytes"] = (cold.peak_memory_bytes, warm.peak_memory_bytes)
    return facts


def facts_of(outcome: Outcome) -> dict[str, object]:
    return {
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "stopped_by": outcome.stopped_by,
        "verdict": outcome.verdict,
        "stdout": ADDRESS.sub(b"ADDRESS", outcome.stdout),
        "stderr": ADDRESS.sub(b"ADDRESS", outcome.stderr),
        "truncated": (outcome.stdout_truncated, outcome.stderr_truncated),
        "killed for memory": outcome.oom_kills > 0,
        "refused processes": outcome.refused_processes > 0,
    }
