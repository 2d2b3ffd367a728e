"""An engine that cannot open a descriptor for a moment: takes its state directory, says as JSON what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.program import Program

OURS = 0
# All of them are in use.
FEWEST = 3
PATIENCE_SECONDS = 5.0
FILES = [str(number) for number in range(40)]
LEAVES_FILES = Program(f"import time\nfor name in {FILES}: open(name, 'w')\ntime.sleep(0.3)")
SLEEPS = Program("import time\ntime.sleep(1)")
PRINTS = Program("print(1)")


async def main(state_dir: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    async with Engine(slots=2, config=EngineConfig(state_dir=state_dir)) as engine:
        supervisor = int(engine.facts()["supervisor_pid"])
        beside = asyncio.create_task(engine.run(SLEEPS))
        collecting = asyncio.create_task(engine.run(LEAVES_FILES, collect=FILES))
        await asyncio.sleep(0.2)
        with _no_descriptors(OURS):
            await _until(lambda: engine.stats().faults == 1)
        collected = await collecting
        said["files"] = [collected.verdict, len(collected.files)]
        with _no_descriptors(supervisor):
            running = asyncio.create_task(engine.run(PRINTS))
            await _until(lambda: engine.stats().faults == 2)
        said["a job"] = (await running).stdout.decode()
        said["beside them"] = (await beside).verdict
        said["faults"] = engine.stats().faults
        said["the same supervisor"] = int(engine.facts()["supervisor_pid"]) == supervisor
        with _no_descriptors(OURS):
            os.kill(supervisor, signal.SIGKILL)
            # Gone once it is reaped, by the thread that then starts another.
            await _until(lambda: not _exists(supervisor))
            await asyncio.sleep(0.1)
        said["by another supervisor"] = (await engine.run(PRINTS)).stdout.decode()
    return said


@contextlib.contextmanager
def _no_descriptors(pid: int) -> Iterator[None]:
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (FEWEST, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


async def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1]))))
