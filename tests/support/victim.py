"""An engine in a process of its own, to be killed: prints its facts as JSON once its programs are under way.

With the argument `fork` it has a live forked child by then, as a trainer's data loader would be, and prints its pid.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

from engine.config.engine import EngineConfig, Runtime
from engine.engine import Engine
from engine.program import Limits, Program
from tests.support.traces import Instance, running, wait_until_nothing

SPINS_AND_LEAVES = Program(
    source="""
import os, time
open("/dev/shm/kept", "wb").write(b"x" * 1_000_000)
held = os.memfd_create("kept")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    while True:
        pass
while True:
    pass
"""
)
SLEEPS = Program(source="trap '' TERM HUP; sleep 1000 & sleep 1000", language="bash")
LIMITS = Limits(cpu_seconds=100, wall_seconds=100)
LIFE_SECONDS = 60.0
START_SECONDS = 30.0
PROCESSES = 5


def forked() -> int:
    child = os.fork()
    if child == 0:
        time.sleep(LIFE_SECONDS)
        os._exit(0)
    return child


def wait_until_under_way(instance: Instance) -> None:
    """Wait until the programs have become what they are to be."""
    wait_until_nothing(lambda: [] if len(running(instance)) >= PROCESSES else ["not under way"], START_SECONDS)


async def main() -> None:
    runtime: Runtime = "crun" if "crun" in sys.argv else "native"
    async with Engine(slots=2, config=EngineConfig(runtime=runtime)) as engine:
        runs = [asyncio.create_task(engine.run(program, limits=LIMITS)) for program in (SPINS_AND_LEAVES, SLEEPS)]
        await asyncio.to_thread(wait_until_under_way, Instance.of(engine.facts()))
        child = forked() if "fork" in sys.argv else 0
        print(json.dumps({"facts": engine.facts(), "child": child}), flush=True)
        await asyncio.wait(runs, timeout=LIFE_SECONDS)


asyncio.run(main())
