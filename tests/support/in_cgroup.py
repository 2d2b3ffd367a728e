"""An engine in a process that first enters the control group named as argument: prints what it saw as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from engine.engine import Engine
from engine.errors import CannotStart
from engine.program import Program


def group_of(pid: str) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text()


async def main() -> dict[str, object]:
    try:
        async with Engine(slots=1) as engine:
            outcome = await engine.run(Program("print(open('/proc/self/cgroup').read())"))
            return {
                "facts": engine.facts(),
                "stdout": outcome.stdout.decode(),
                "own": group_of("self"),
                "keeper": group_of(engine.facts()["keeper_pids"]),
            }
    except CannotStart as error:
        return {"refusal": str(error)}


Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
print(json.dumps(asyncio.run(main())))
