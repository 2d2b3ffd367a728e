"""One program in a sandbox of this process's own: no daemon.

python examples/run_one.py
"""

from __future__ import annotations

import asyncio

from assay import Engine, Limits, Program


async def main() -> None:
    async with Engine(slots=1) as engine:
        program = Program("print(input()[::-1])", language="python")
        outcome = await engine.run(program, stdin=b"hello\n", limits=Limits(cpu_seconds=2, memory_bytes=256 << 20))
    print(outcome.verdict, outcome.exit_code, outcome.stdout)
    print(f"{outcome.cpu_seconds:.3f} s of CPU time, {outcome.peak_memory_bytes / (1 << 20):.1f} MiB at most")


asyncio.run(main())
