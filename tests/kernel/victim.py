"""An engine in a process of its own, to be killed: prints its facts as JSON once its programs are under way.

With the argument `fork` it has a live forked child by then, as a trainer's data loader would be, and prints its pid.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

from engine.engine import Engine
from engine.program import Limits, Program

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


def forked() -> int:
    child = os.fork()
    if child == 0:
        time.sleep(LIFE_SECONDS)
        os._exit(0)
    return child


async def main() -> None:
    async with Engine(slots=2) as engine:
        runs = [asyncio.create_task(engine.run(program, limits=LIMITS)) for program in (SPINS_AND_LEAVES, SLEEPS)]
        # So that the programs have become what they are to be.
        await asyncio.sleep(0.5)
        child = forked() if "fork" in sys.argv else 0
        print(json.dumps({"facts": engine.facts(), "child": child}), flush=True)
        await asyncio.wait(runs, timeout=LIFE_SECONDS)


asyncio.run(main())
