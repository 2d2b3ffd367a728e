"""What a client does with its connections to a daemon's socket, where the daemon is slow, silent or goes."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import Client, SandboxError

STATS = {"slots": 1}
ITEM = {"kind": "math", "completion": "1", "reference": "1"}
SECONDS = 5.0
Says = Callable[[int, str], dict[str, Any] | None]


def frame(message: dict[str, Any]) -> bytes:
    body = msgspec.msgpack.encode(message)
    return struct.pack(">I", len(body)) + body


class Peer:
    """Answers what it reads with what `says` gives for the number of the connection and the op, if anything."""

    def __init__(self, path: Path, says: Says) -> None:
        self.address = f"unix://{path}"
        self.says = says
        self.writers: list[asyncio.StreamWriter] = []
        self.came = asyncio.Semaphore(0)
        self.ended = asyncio.Semaphore(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.came.release()
        number = len(self.writers)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = struct.unpack(">I", await reader.readexactly(4))
                request = msgspec.msgpack.decode(await reader.readexactly(length))
                if (said := self.says(number, request["op"])) is not None:
                    writer.write(frame({"id": request["id"], **said}))
        self.ended.release()
        writer.close()


@contextlib.asynccontextmanager
async def peer(path: Path, says: Says) -> AsyncIterator[Peer]:
    served = Peer(path, says)
    async with await asyncio.start_unix_server(served.serve, path):
        yield served


async def ended(daemon: Peer, count: int = 1) -> None:
    async with asyncio.timeout(SECONDS):
        for _ in range(count):
            await daemon.ended.acquire()


def polite(number: int, op: str) -> dict[str, Any]:
    return {"answer": STATS}


def rude_at_first(number: int, op: str) -> dict[str, Any] | None:
    return None if number == 1 else polite(number, op)


@pytest.mark.parametrize("turns", range(8))
async def test_a_first_request_that_is_cancelled_leaves_no_connection(tmp_path: Path, turns: int) -> None:
    async with peer(tmp_path / "s", rude_at_first) as daemon, Client(daemon.address) as client:
        before = len(asyncio.all_tasks())
        first = asyncio.create_task(client.stats())
        for _ in range(turns):
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await ended(daemon, len(daemon.writers))
        deadline = asyncio.get_running_loop().time() + SECONDS
        while len(asyncio.all_tasks()) != before:
            assert asyncio.get_running_loop().time() < deadline, asyncio.all_tasks()
            await asyncio.sleep(0.01)


async def test_a_greeting_that_fails_leaves_no_connection(tmp_path: Path) -> None:
    def refuses(number: int, op: str) -> dict[str, Any]:
        return {"error": {"kind": "overloaded" if number % 2 else "bad_input", "message": "no"}}

    async with peer(tmp_path / "s", refuses) as daemon, Client(daemon.address) as client:
        for _ in range(4):
            with pytest.raises(Exception, match="no"):
                await client.stats()
            await ended(daemon)


async def test_a_connection_that_was_given_up_ends_nothing_of_the_next(tmp_path: Path) -> None:
    def says(number: int, op: str) -> dict[str, Any] | None:
        return {"answer": {}} if number == 2 and op == "hello" else None

    async with peer(tmp_path / "s", says) as daemon, Client(daemon.address) as client:
        first = asyncio.create_task(client.stats())
        await daemon.came.acquire()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = asyncio.create_task(client.stats())
        await daemon.came.acquire()
        daemon.writers[0].close()
        await asyncio.sleep(0.1)
        daemon.writers[1].write(frame({"id": 2, "answer": STATS}))
        assert await second == STATS


async def test_closing_ends_a_greeting_that_is_not_answered(tmp_path: Path) -> None:
    async with peer(tmp_path / "s", rude_at_first) as daemon:
        client = Client(daemon.address)
        first = asyncio.create_task(client.stats())
        await daemon.came.acquire()
        await client.close()
        with pytest.raises(SandboxError, match="closed"):
            await first
        await ended(daemon)


@pytest.mark.parametrize("turns", range(8))
async def test_what_is_asked_while_the_connection_ends_fails(tmp_path: Path, turns: int) -> None:
    def says(number: int, op: str) -> dict[str, Any] | None:
        return {"answer": {}} if op in ("hello", "stats") else None

    async with peer(tmp_path / "s", says) as daemon, Client(daemon.address, reconnect_seconds=0) as client:
        await client.stats()
        daemon.says = polite
        daemon.writers[0].close()
        for _ in range(turns):
            await asyncio.sleep(0)
        with contextlib.suppress(SandboxError):
            async with asyncio.timeout(SECONDS):
                async for _ in client.score_batch([ITEM]):
                    pass
