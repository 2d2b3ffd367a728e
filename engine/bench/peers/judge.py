"""go-judge as a judge of Python programs, for benches that want verdicts and not only rates."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from engine.bench.http_connection import Connection
from engine.bench.peer import PeerFailed
from engine.bench.peers.http import daemon, free_port
from engine.program import Limits, Verdict

_NANOSECONDS: Final = 1_000_000_000
_OUTPUT_BYTES: Final = 1 << 20
_PYTHON: Final = "/usr/bin/python3"
_VERDICTS: Final = {
    "Accepted": Verdict.ACCEPTED,
    "Nonzero Exit Status": Verdict.RUNTIME_ERROR,
    "Signalled": Verdict.RUNTIME_ERROR,
    "Time Limit Exceeded": Verdict.TIME_LIMIT,
    "Memory Limit Exceeded": Verdict.MEMORY_LIMIT,
    "Output Limit Exceeded": Verdict.OUTPUT_LIMIT,
}


class _Answer(msgspec.Struct):
    status: str


@contextlib.asynccontextmanager
async def judged_by_go_judge(
    program: str, at_once: int, limits: Limits, patience_seconds: float
) -> AsyncIterator[Callable[[str], Awaitable[Verdict | None]]]:
    """A go-judge of the bench's own; yields what judges a source, None where no answer comes in time."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as place:
        command = [program, "-http-addr", f"127.0.0.1:{port}", "-parallelism", str(at_once)]
        async with daemon([*command, "-dir", str(Path(place)), "-release", "-silent"], port, "/version"):

            async def judge(source: str) -> Verdict | None:
                connection = await Connection.to(port)
                try:
                    # What it does not begin in its client's time it does not end in that and the limit.
                    async with asyncio.timeout(patience_seconds + limits.wall):
                        status, said = await connection.post("/run", _body(source, limits))
                except TimeoutError:
                    return None
                finally:
                    connection.close()
                if status != 200:
                    raise PeerFailed(f"HTTP {status}: {said[:300].decode(errors='replace')}")
                answer = msgspec.json.decode(said, type=list[_Answer])[0]
                if answer.status not in _VERDICTS:
                    raise PeerFailed(f"go-judge: {answer.status}")
                return _VERDICTS[answer.status]

            yield judge


def _body(source: str, limits: Limits) -> bytes:
    run = {
        "args": [_PYTHON, "-c", source],
        "env": ["PATH=/usr/bin:/bin"],
        "files": [
            {"content": ""},
            {"name": "stdout", "max": _OUTPUT_BYTES},
            {"name": "stderr", "max": _OUTPUT_BYTES},
        ],
        "cpuLimit": int(limits.cpu_seconds * _NANOSECONDS),
        "clockLimit": int(limits.wall * _NANOSECONDS),
        "memoryLimit": limits.memory_bytes,
        "procLimit": limits.processes,
    }
    return msgspec.json.encode({"cmd": [run]})
