"""An engine whose user has more descriptors in flight than it may: takes its state directory and who of us is refused,
says as JSON what came of it.

The kernel counts descriptors that were sent and not yet received by user, and refuses whoever may have fewer open than
that. Another process of the same user sends and does not receive, when it is told to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.errors import SandboxError
from engine.program import Limits, Program

FEW, ENOUGH = 256, 1024
SLOTS = 2
# Between the two limits. A message has at most 253, and is refused only where too many are in flight already.
FLOOD = """
import socket, sys
for _ in sys.stdin:
    pairs = [socket.socketpair() for _ in range(2)]
    for sender, _ in pairs:
        socket.send_fds(sender, [b"x"], [0] * 250)
    print("sent", flush=True)
    sys.stdin.readline()
    for pair in pairs:
        for end in pair:
            end.close()
    print("gone", flush=True)
"""
SHORT_SECONDS = 0.1
FILES = [str(number) for number in range(40)]
PRINTS = Program("print(input())")
SLEEPS = Program("import time\ntime.sleep(0.5)\nprint(input())")
LEAVES_FILES = Program(f"import time\nfor name in {FILES}: open(name, 'w')\ntime.sleep(0.4)\nprint(input())")


async def main(state_dir: str, who: str) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_NOFILE, (ENOUGH, ENOUGH))
    pipe = asyncio.subprocess.PIPE
    flooder = await asyncio.create_subprocess_exec(sys.executable, "-c", FLOOD, stdin=pipe, stdout=pipe)
    config = EngineConfig(state_dir=state_dir, scratch_dir=str(Path(state_dir).parent), runtime="landlock")
    said: dict[str, Any] = {}
    async with Engine(slots=SLOTS, config=config) as engine:
        facts = engine.facts()
        pids = {"engine": "0", "supervisor": facts["supervisor_pid"], "keepers": facts["keeper_pids"]}[who]
        for pid in map(int, pids.split()):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (FEW, FEW))
        said["before"] = await _together(engine)
        collecting = asyncio.create_task(_answer(engine, LEAVES_FILES, FILES))
        await asyncio.sleep(0.2)
        async with _flood(flooder):
            short = asyncio.create_task(_together(engine, PRINTS))
            await asyncio.sleep(SHORT_SECONDS)
        said["in a short flood"] = [*await short, await collecting, engine.stats().faults]
        collecting = asyncio.create_task(_answer(engine, LEAVES_FILES, FILES))
        await asyncio.sleep(0.2)
        async with _flood(flooder):
            said["in a flood"] = [*await _together(engine, PRINTS), await collecting]
        began = time.monotonic()
        said["after it"] = await _together(engine)
        said["at once"] = time.monotonic() - began < 0.5 * SLOTS
        said["the same keepers"] = engine.facts()["keeper_pids"] == facts["keeper_pids"]
        said["the same supervisor"] = engine.facts()["supervisor_pid"] == facts["supervisor_pid"]
    assert flooder.stdin is not None
    flooder.stdin.close()
    await flooder.wait()
    return said


@contextlib.asynccontextmanager
async def _flood(flooder: asyncio.subprocess.Process) -> AsyncIterator[None]:
    await _tell(flooder)
    try:
        yield
    finally:
        await _tell(flooder)


async def _tell(flooder: asyncio.subprocess.Process) -> None:
    assert flooder.stdin is not None
    assert flooder.stdout is not None
    flooder.stdin.write(b"\n")
    assert await flooder.stdout.readline()


async def _together(engine: Engine, program: Program = SLEEPS) -> list[str]:
    """As many as there are slots."""
    return await asyncio.gather(*(_answer(engine, program) for _ in range(SLOTS)))


async def _answer(engine: Engine, program: Program, collect: list[str] | None = None) -> str:
    try:
        async with asyncio.timeout(10):
            outcome = await engine.run(program, stdin=b"hello\n", limits=Limits(cpu_seconds=1), collect=collect or ())
    except SandboxError as error:
        return f"not judged: {error}"
    except TimeoutError:
        return "no answer"
    return f"{outcome.verdict} {outcome.stdout.decode().strip()} {len(outcome.files)}"


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
