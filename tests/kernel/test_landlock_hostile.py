"""Every program of tests/programs with the runtime "landlock": its verdict, or that of the table of differences."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine import Engine, EngineConfig, Limits, Program
from engine.machine.place import landlock_abi
from engine.program import Verdict
from tests.support.hostile import Hostile, programs
from tests.support.landlock_differences import DIFFERENCES

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(landlock_abi() < 4, reason="needs Landlock with ABI 4"),
]

# One of each kind: the whole takes a minute.
ORDINARY = frozenset(
    """
    control.py double_fork_orphan.py fork_bomb.c fork_bomb_left_behind.sh kill_everybody.c memory_bomb_children.py
    memory_bomb_list.py orphan_leaderless.c process_limit.c right_c.c right_javascript.js right_python.py
    spin_leaderless.c spin_short_children.sh stop_and_kill_all.py trace_others.c user_namespace_mount.c
    """.split()  # noqa: SIM905
)
LOOKS = "import os; print(sorted(os.listdir('.')), os.listdir(os.environ['TMPDIR']), os.nice(0))"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(host_services: list[str]) -> AsyncIterator[Engine]:
    async with Engine(slots=2, config=EngineConfig(runtime="landlock")) as engine:
        yield engine
    assert not host_services


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(hostile, id=hostile.name, marks=() if hostile.name in ORDINARY else pytest.mark.soak)
        for hostile in programs()
    ],
)
async def test_the_verdict_is_known(engine: Engine, hostile: Hostile) -> None:
    outcome = await hostile.run(engine)
    if hostile.name in DIFFERENCES:
        assert hostile.verdict_of(outcome) is DIFFERENCES[hostile.name]
    else:
        assert not (found := hostile.complaints(outcome)), "\n".join(found)
    # The same slot or the other: nothing of it is left in either.
    seen = await engine.run(Program(LOOKS), limits=Limits(cpu_seconds=5))
    assert (seen.verdict, seen.stdout) == (Verdict.ACCEPTED, b"['main.py'] [] 0\n")
