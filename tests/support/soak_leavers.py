"""Clients of the daemon's soak that go before they are answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import struct
from pathlib import Path

import msgpack

from tests.support.soak_programs import SQUARE
from tests.support.soak_record import Record

_ANSWER_SECONDS = 60.0


class Leavers:
    """Each connects, asks or half asks, and breaks its connection off; nobody waits for their answers."""

    def __init__(self, socket: Path, url: str, chance: random.Random, record: Record) -> None:
        self._socket = socket
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        self._chance = chance
        self._record = record

    async def in_mid_request(self) -> None:
        _, writer = await asyncio.open_unix_connection(str(self._socket))
        body = msgpack.packb({"id": 1, "op": "run", "source": "sleep 60", "language": "bash"})
        writer.write(struct.pack(">I", len(body)) + body)
        await self._leave(writer, "mid request")

    async def in_mid_frame(self) -> None:
        if self._chance.random() < 0.5:
            _, writer = await asyncio.open_unix_connection(str(self._socket))
            writer.write(struct.pack(">I", 1000) + b"\x82half")
        else:
            _, writer = await asyncio.open_connection(self._host, self._port)
            writer.write(b"POST /v1/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{half")
        await self._leave(writer, "mid frame")

    async def in_mid_answer(self) -> None:
        test = {"stdin": "2", "expected": "4"}
        items = [{"kind": "code", "completion": f"```python\n{SQUARE}\n```", "tests": [test]}]
        body = json.dumps(items * 20).encode()
        reader, writer = await asyncio.open_connection(self._host, self._port)
        head = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n"
        head += b"Content-Length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await reader.readuntil(b'"index"')
        await self._leave(writer, "mid answer")

    async def _leave(self, writer: asyncio.StreamWriter, when: str) -> None:
        await asyncio.sleep(self._chance.uniform(0.0, 0.2))
        writer.transport.abort()
        self._record.gone[when] += 1
