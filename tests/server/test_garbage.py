"""What clients leave behind goes at once: the daemon collects garbage rarely."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgpack
import pytest

from engine.config.engine import EngineConfig, Runtime
from engine.config.settings import Settings
from engine.server.backend import here
from engine.server.frames import FrameServer
from engine.server.http import HttpFace
from engine.server.listen import tcp_listener, unix_listener
from engine.server.service import Service
from rewards.kinds import scorers
from tests.support.runtimes import no_slot_in_it

pytestmark = [pytest.mark.server, pytest.mark.kernel, no_slot_in_it]

SLEEPS = {"source": "sleep 60", "language": "bash"}
TEST = {"stdin": "", "expected": "1"}
ITEM = {"kind": "code", "completion": "```python\nimport time; time.sleep(60)\n```", "tests": [TEST]}
AT_ONCE = b"GET /v1/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(path: str, content: object) -> bytes:
    body = json.dumps(content).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Accept: application/x-ndjson", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def frame(**message: object) -> bytes:
    body: bytes = msgpack.packb(message)
    return struct.pack(">I", len(body)) + body


OVER_HTTP = {
    "answered": AT_ONCE,
    "within a body": post("/v1/run", SLEEPS)[:-3],
    "while it runs": post("/v1/run", SLEEPS),
    "behind others": post("/run_code", {"code": "import time; time.sleep(60)", "language": "python"}) * 4,
    "within a batch": post("/v1/score", [ITEM] * 4),
}
OVER_THE_SOCKET = {
    "answered": frame(id=1, op="stats"),
    "within a frame": frame(id=1, op="run", **SLEEPS)[:-3],
    "while it runs": frame(id=1, op="run", **SLEEPS),
    "behind others": b"".join(frame(id=number, op="run", **SLEEPS) for number in range(200)),
    "within a batch": frame(id=1, op="score", batch=[ITEM] * 4, stream=True),
}


@contextlib.asynccontextmanager
async def faces(place: Path, runtime: Runtime) -> AsyncIterator[tuple[Service, Path, int]]:
    """Both, in this process."""
    settings = Settings(engine=EngineConfig(slots=2, runtime=runtime))
    with unix_listener(place / "s") as unix, tcp_listener("127.0.0.1", 0) as tcp:
        async with here(settings) as backend:
            service = Service(backend, scorers(None), settings)
            served = (FrameServer(service), HttpFace(service, {}, host="127.0.0.1"))
            await served[0].start(unix)
            await served[1].start(tcp)
            yield service, place / "s", tcp.getsockname()[1]
            for face in served:
                await face.close()


async def leavers(service: Service, path: Path, port: int, face: str, asks: bytes) -> None:
    """One closes its connection, one resets it."""
    for reset in (False, True):
        connected = asyncio.open_connection("127.0.0.1", port) if face == "http" else asyncio.open_unix_connection(path)
        _, writer = await connected
        writer.write(asks)
        await asyncio.sleep(0.1)
        if reset:
            writer.transport.abort()
        else:
            writer.close()
    async with asyncio.timeout(10):
        while True:
            await asyncio.sleep(0.05)
            if not service.stats()["requests_under_way"] and not service.held.bytes:
                break
    # What was cancelled last has its turn of the loop.
    await asyncio.sleep(0.05)


@pytest.fixture
def garbage() -> Iterator[list[object]]:
    """Where what a collection finds is kept."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield gc.garbage
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


async def test_clients_that_go_leave_nothing_to_be_collected(
    tmp_path: Path, runtime: Runtime, garbage: list[object]
) -> None:
    found: dict[str, set[str]] = {}
    async with faces(tmp_path, runtime) as (service, path, port):
        for face, asked in (("http", OVER_HTTP), ("unix", OVER_THE_SOCKET)):
            for when, asks in asked.items():
                gc.collect()
                garbage.clear()
                await leavers(service, path, port, face, asks)
                gc.collect()
                left = {type(each).__qualname__ for each in garbage if type(each).__module__.startswith("engine.")}
                if left:
                    found[f"{face}, {when}"] = left
    assert not found
