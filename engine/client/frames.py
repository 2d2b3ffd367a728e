"""The client's side of the MessagePack face: one connection at a time, many requests in flight."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final

from engine.client.connection import Connection
from engine.errors import AssayError, BadInput, Refused, SandboxError
from engine.wire.messages import PROTOCOL_VERSION

_RETRY_SECONDS: Final = 0.1


class FrameTransport:
    """Connects at the first request; after a loss the next request connects again, for up to `reconnect_seconds`.

    Requests in flight when the connection is lost fail with SandboxError and are never sent twice.
    """

    text_only = False

    def __init__(self, path: Path, *, token: str, reconnect_seconds: float) -> None:
        self._path = path
        self._token = token
        self._reconnect_seconds = reconnect_seconds
        self._connecting = asyncio.Lock()
        # The one that is open, and the one that is being made; either may be lost.
        self._connection: Connection | None = None
        self._greeting: Connection | None = None

    async def request(self, op: str, fields: dict[str, Any]) -> dict[str, Any]:
        """The answer; raises what the daemon says. Cancelling tells the daemon to kill the run."""
        return await (await self._connected()).request(op, fields)

    async def batch(
        self, op: str, batch: list[dict[str, Any]], fields: dict[str, Any]
    ) -> AsyncGenerator[tuple[int, dict[str, Any] | AssayError], None]:
        """(index, answer or its error) as they come; raises what the daemon says of the whole. Closing it ends all."""
        connection = await self._connected()
        async with contextlib.aclosing(connection.batch(op, {"batch": batch, "stream": True, **fields})) as parts:
            async for part in parts:
                yield part

    async def close(self) -> None:
        """Close the connection; the daemon kills what is in flight on it."""
        for connection in (self._greeting, self._connection):
            if connection is not None:
                await connection.close("the client was closed")

    async def _connected(self) -> Connection:
        if self._connection is not None and not self._connection.lost:
            return self._connection
        # Only one that was there before is waited for, by each request's own clock: who waits for another's attempt has
        # waited too.
        until = asyncio.get_running_loop().time() + (self._reconnect_seconds if self._connection is not None else 0)
        async with self._connecting:
            if self._connection is None or self._connection.lost:
                self._connection = await self._connect(until)
            return self._connection

    async def _connect(self, until: float) -> Connection:
        async with contextlib.AsyncExitStack() as unless_greeted:
            connection = self._greeting = Connection(self._path, *await self._open(until))
            unless_greeted.push_async_callback(connection.close, "it was not greeted")
            try:
                await connection.request("hello", {"version": PROTOCOL_VERSION, "token": self._token})
            except BadInput as error:
                raise Refused(f"{self._path}: the daemon refuses this client: {error}") from None
            unless_greeted.pop_all()
        return connection

    async def _open(self, until: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if sys.platform == "win32":
            raise SandboxError(f"{self._path}: no Unix sockets here, use an http:// address")
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await asyncio.open_unix_connection(self._path)
            except PermissionError:
                raise SandboxError(f"{self._path}: this user may not use that daemon") from None
            except OSError as error:
                if loop.time() >= until:
                    message = f"no daemon at {self._path} ({error.strerror}): start one with `assay serve`"
                    raise SandboxError(message) from None
            await asyncio.sleep(_RETRY_SECONDS)
