"""What a client makes of an HTTP server that is not a daemon, or answers only half."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from engine import Client, SandboxError
from rewards import NotJudged, RewardClient

ITEM = {"kind": "math", "completion": "1", "reference": "1"}
LOGIN = b"<html>log in</html>"
bodies = pytest.mark.parametrize("body", [LOGIN, LOGIN + b"\n", b"[1]", b"1", b'{"index": 0}\n', b""])


@contextlib.asynccontextmanager
async def says(body: bytes) -> AsyncIterator[str]:
    """The URL of a server that answers 200 to everything."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@bodies
async def test_a_proxys_page_is_no_fault_of_an_item(body: bytes) -> None:
    async with says(body) as url, RewardClient(url) as client:
        rewards = [await client.score(ITEM), *await client.score_many([ITEM]), *await client.score_batch([ITEM])]
    assert all(isinstance(reward, NotJudged) for reward in rewards)


@bodies
async def test_nor_is_it_an_answer_to_many(body: bytes) -> None:
    async with says(body) as url, Client(url) as client:
        with pytest.raises(SandboxError, match="came back"):
            [answer async for answer in client.score_batch([ITEM])]


async def test_answers_that_are_missing_are_said() -> None:
    async with says(b'{"index": 1, "answer": {"reward": 1.0}}\n') as url, Client(url) as client:
        answers = client.score_batch([ITEM, ITEM])
        assert (await anext(answers))[0] == 1
        with pytest.raises(SandboxError, match="1 of 2 answers"):
            await anext(answers)
