"""A slot's containers come from one builder, until a run has touched what they share."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from engine import Engine, EngineConfig, Outcome, Program
from engine.config.engine import Fresh
from tests.support.traces import Instance, children, name_of

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(shutil.which("crun") is None, reason="needs crun: scripts/bootstrap installs it"),
]

TRUE = ["/usr/bin/true"]
SOCKET = Program("import socket; socket.socket(socket.AF_UNIX)")
RUNS = 6
SECONDS = 5.0


def engine(fresh: Fresh = "proved") -> Engine:
    return Engine(slots=1, config=EngineConfig(runtime="crun", fresh=fresh))


def builders(engine: Engine) -> set[int]:
    return {pid for pid in children(Instance.of(engine.facts()).supervisor) if name_of(pid) == "assay-builder"}


async def held(engine: Engine) -> set[int]:
    """The cruns that containers are forked from."""

    def look() -> set[int]:
        return {pid for builder in builders(engine) for pid in children(builder) if name_of(pid) == "assay-held"}

    first = look()
    # A fork of one has its name for a moment.
    await asyncio.sleep(0.02)
    return first & look()


async def clean(engine: Engine, runs: int) -> None:
    outcomes: list[Outcome] = [await engine.run_argv(TRUE) for _ in range(runs)]
    assert all(outcome.clean for outcome in outcomes)


async def others_than(before: set[int], engine: Engine) -> set[int]:
    """The builders, once one of those before is gone."""
    deadline = asyncio.get_running_loop().time() + SECONDS
    while before <= (now := builders(engine)) or len(now) != len(before):
        assert asyncio.get_running_loop().time() < deadline, f"still {now}"
        await asyncio.sleep(0.01)
    return now


async def test_one_makes_every_container_of_its_slot() -> None:
    async with engine() as one:
        before = builders(one)
        # Twice as many containers are kept ready as run at once.
        assert len(before) == 2
        await clean(one, RUNS)
        assert builders(one) == before


async def test_after_a_socket_there_is_another() -> None:
    async with engine() as one:
        before = builders(one)
        assert (await one.run(SOCKET)).clean
        now = await others_than(before, one)
        assert len(now & before) == 1
        await clean(one, RUNS)
        assert builders(one) == now


async def test_nothing_stays_where_all_is_renewed() -> None:
    async with engine("always") as one:
        before = builders(one)
        await clean(one, RUNS)
        assert not await others_than(before, one) & before


async def test_one_that_dies_idle_is_replaced() -> None:
    async with engine() as one:
        before = builders(one)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        await clean(one, RUNS)
        assert not await others_than(before, one) & before


async def test_what_containers_are_forked_from_is_replaced_when_it_dies() -> None:
    async with engine() as one:
        before = await held(one)
        assert len(before) == 2
        await clean(one, RUNS)
        assert await held(one) == before
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        await clean(one, RUNS)
        assert len(now := await held(one)) == 2
        assert not now & before


async def test_a_crun_that_cannot_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "crun"
    source = f"""
        #include <unistd.h>
        int main(int count, char **arguments) {{
            char *environment[] = {{0}};
            return execve("{shutil.which("crun")}", arguments, environment);
        }}
    """
    gcc = ["gcc", "-static", "-x", "c", "-", "-o", str(program)]
    await asyncio.to_thread(subprocess.run, gcc, input=source, text=True, check=True)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    async with engine() as one:
        assert not await held(one)
        await clean(one, RUNS)
