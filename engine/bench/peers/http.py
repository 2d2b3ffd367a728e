"""Daemons over HTTP: `assay serve` and go-judge, asked by the same client over as many kept-alive connections."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from engine.bench.http_connection import Connection
from engine.bench.install import go_judge
from engine.bench.load import Segment, closed_loop
from engine.bench.peer import Load, PeerFailed
from engine.bench.peers.assay import LIMITS
from engine.bench.programs import SOURCE, Name, Programs

_READY_SECONDS: Final = 30.0
_END_SECONDS: Final = 10.0
_NANOSECONDS: Final = 1_000_000_000
_OUTPUT_BYTES: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class HttpPeer:
    """A daemon of the bench's own.

    absent   what is missing to start it
    command  how it is started: port, runs in flight, a directory of its own
    health   a path that answers 200 once the daemon is ready
    ask      path and body of a run of the dynamic program
    answer   what stands in the answer of a run that went well
    """

    name: str
    how: str
    absent: Callable[[], str | None]
    command: Callable[[int, int, Path], list[str]]
    health: str
    ask: Callable[[Connection, Programs], Awaitable[tuple[str, bytes]]]
    answer: bytes
    programs: tuple[Name, ...] = ("dynamic",)

    def missing(self) -> str | None:
        return self.absent()

    @contextlib.asynccontextmanager
    async def connections(self, in_flight: int) -> AsyncIterator[list[Connection]]:
        """To a daemon that ends with them."""
        port = free_port()
        async with contextlib.AsyncExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-bench-")))
            await stack.enter_async_context(daemon(self.command(port, in_flight, place), port, self.health))
            made = [await Connection.to(port) for _ in range(in_flight)]
            for connection in made:
                stack.callback(connection.close)
            yield list(made)

    @contextlib.asynccontextmanager
    async def open(self, programs: Programs, in_flight: int) -> AsyncIterator[Load]:
        async with self.connections(in_flight) as idle:
            path, body = await self.ask(idle[0], programs)

            async def run() -> None:
                connection = idle.pop()
                try:
                    status, said = await connection.post(path, body)
                finally:
                    idle.append(connection)
                if status != 200 or self.answer not in said:
                    raise PeerFailed(f"HTTP {status}: {said[:300].decode(errors='replace')}")

            async def load(program: Name, seconds: float) -> Segment:
                return await closed_loop(run, in_flight, seconds, (PeerFailed, OSError))

            yield load


@contextlib.asynccontextmanager
async def daemon(command: list[str], port: int, health: str) -> AsyncIterator[None]:
    with tempfile.TemporaryFile() as log:
        daemon = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        try:
            deadline = asyncio.get_running_loop().time() + _READY_SECONDS
            while not await _answers(port, health):
                if daemon.returncode is not None or asyncio.get_running_loop().time() > deadline:
                    log.seek(0)
                    raise PeerFailed(f"{command[0]} does not start: {log.read().decode(errors='replace')[-300:]}")
                await asyncio.sleep(0.02)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                daemon.send_signal(signal.SIGTERM)
            await asyncio.wait_for(daemon.wait(), _END_SECONDS)


async def _answers(port: int, health: str) -> bool:
    try:
        connection = await Connection.to(port)
    except OSError:
        return False
    try:
        return (await connection.get(health))[0] == 200
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def _serve_command(port: int, in_flight: int, place: Path) -> list[str]:
    assay = [sys.executable, str(Path(sys.executable).with_name("assay"))]
    return [*assay, "serve", "--http", f"127.0.0.1:{port}", "--socket", f"{place}/socket", "--slots", str(in_flight)]


async def _serve_ask(connection: Connection, programs: Programs) -> tuple[str, bytes]:
    # Compiled by the first request; the others find the result in the daemon's store.
    return "/v1/run", msgspec.json.encode({"source": SOURCE, "language": "c", "limits": LIMITS})


def _go_judge_absent() -> str | None:
    return None if go_judge() else "go-judge is not installed: assay bench containers --install-peers"


def _go_judge_command(port: int, in_flight: int, place: Path) -> list[str]:
    command = [go_judge() or "go-judge", "-http-addr", f"127.0.0.1:{port}", "-parallelism", str(in_flight)]
    return [*command, "-dir", str(place), "-release", "-silent"]


async def _go_judge_ask(connection: Connection, programs: Programs) -> tuple[str, bytes]:
    """The compiled program is handed in once, as its users do after compiling, and copied into each run."""
    boundary = "assay-bench"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="dynamic"\r\n\r\n'
    content = head.encode() + programs.content("dynamic") + f"\r\n--{boundary}--\r\n".encode()
    status, said = await connection.post("/file", content, f"multipart/form-data; boundary={boundary}")
    if status != 200:
        raise PeerFailed(f"go-judge takes no file: HTTP {status}: {said[:300].decode(errors='replace')}")
    run = {
        "args": ["dynamic"],
        "env": ["PATH=/usr/bin:/bin"],
        "files": [
            {"content": ""},
            {"name": "stdout", "max": _OUTPUT_BYTES},
            {"name": "stderr", "max": _OUTPUT_BYTES},
        ],
        "cpuLimit": int(LIMITS.cpu_seconds * _NANOSECONDS),
        "clockLimit": int(LIMITS.wall * _NANOSECONDS),
        "memoryLimit": LIMITS.memory_bytes,
        "procLimit": LIMITS.processes,
        "copyIn": {"dynamic": {"fileId": msgspec.json.decode(said, type=str)}},
    }
    return "/run", msgspec.json.encode({"cmd": [run]})


SERVE: Final = HttpPeer(
    name="serve",
    how="assay serve, POST /v1/run of the program's C source, compiled once",
    absent=lambda: None,
    command=_serve_command,
    health="/readyz",
    ask=_serve_ask,
    answer=b'"ACCEPTED"',
)
GO_JUDGE: Final = HttpPeer(
    name="go-judge",
    how="its daemon, POST /run of the compiled program, handed in once",
    absent=_go_judge_absent,
    command=_go_judge_command,
    health="/version",
    ask=_go_judge_ask,
    answer=b'"Accepted"',
)
