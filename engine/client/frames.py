"""The client's side of the MessagePack face: one connection, many requests in flight."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final

from engine.errors import AssayError, BadInput, SandboxError
from engine.wire.decode import decode_msgpack, to_struct
from engine.wire.frames import FrameBuffer, encode_frame
from engine.wire.messages import PROTOCOL_VERSION, ErrorBody, error_from_wire

_READ_BYTES: Final = 1 << 16
# Answers are bounded by the daemon's ceilings; this only tells a daemon from something else.
_ANSWER_BYTES: Final = 1 << 30
_RETRY_SECONDS: Final = 0.1
# For what is still to be sent to a daemon that does not read.
_CLOSE_SECONDS: Final = 1.0


class FrameTransport:
    """Connects at the first request; after a loss the next request connects again, for up to `reconnect_seconds`.

    Requests in flight when the connection is lost fail with SandboxError and are never sent twice.
    """

    text_only = False

    def __init__(self, path: Path, *, token: str, reconnect_seconds: float) -> None:
        self._path = path
        self._token = token
        self._reconnect_seconds = reconnect_seconds
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        # Of a batch: what has come of it; None at its end.
        self._parts: dict[int, asyncio.Queue[tuple[int, dict[str, Any] | AssayError] | None]] = {}
        self._connecting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._was_connected = False

    async def request(self, op: str, fields: dict[str, Any]) -> dict[str, Any]:
        """The answer; raises what the daemon says. Cancelling tells the daemon to kill the run."""
        writer = self._writer or await self._connect()
        return await self._exchange(writer, next(self._ids), op, fields)

    async def batch(
        self, op: str, batch: list[dict[str, Any]], fields: dict[str, Any]
    ) -> AsyncGenerator[tuple[int, dict[str, Any] | AssayError], None]:
        """(index, answer or its error) as they come; raises what the daemon says of the whole. Closing it ends all."""
        writer = self._writer or await self._connect()
        request_id = next(self._ids)
        parts = self._parts[request_id] = asyncio.Queue()
        whole = asyncio.create_task(self._exchange(writer, request_id, op, {"batch": batch, "stream": True, **fields}))
        whole.add_done_callback(lambda _: parts.put_nowait(None))
        try:
            while (part := await parts.get()) is not None:
                yield part
            await whole
        finally:
            del self._parts[request_id]
            whole.cancel()
            with contextlib.suppress(asyncio.CancelledError, AssayError):
                await whole

    async def close(self) -> None:
        """Close the connection; the daemon kills what is in flight on it."""
        writer, reading = self._writer, self._reading
        self._lost("the client was closed")
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
        if writer is not None:
            writer.close()
            # A loop that ends before it is closed would leave the socket open.
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await writer.wait_closed()
            except TimeoutError:
                writer.transport.abort()
            except OSError:
                pass

    async def _exchange(
        self, writer: asyncio.StreamWriter, request_id: int, op: str, fields: dict[str, Any]
    ) -> dict[str, Any]:
        frame = encode_frame({"id": request_id, "op": op, **fields})
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[request_id] = answer
        try:
            writer.write(frame)
            return await answer
        except asyncio.CancelledError:
            if not writer.is_closing():
                writer.write(encode_frame({"id": next(self._ids), "op": "cancel", "target": request_id}))
            raise
        finally:
            self._pending.pop(request_id, None)

    async def _connect(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is not None:
                return self._writer
            reader, writer = await self._open()
            self._reading = asyncio.create_task(self._read(reader))
            hello = {"version": PROTOCOL_VERSION, "token": self._token}
            try:
                await self._exchange(writer, next(self._ids), "hello", hello)
            except BadInput as error:
                writer.close()
                raise SandboxError(f"{self._path}: the daemon refuses this client: {error}") from None
            self._writer = writer
            self._was_connected = True
            return writer

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if sys.platform == "win32":
            raise SandboxError(f"{self._path}: no Unix sockets here, use an http:// address")
        loop = asyncio.get_running_loop()
        until = loop.time() + (self._reconnect_seconds if self._was_connected else 0)
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

    async def _read(self, reader: asyncio.StreamReader) -> None:
        buffer = FrameBuffer(_ANSWER_BYTES)
        why = "the daemon closed the connection"
        try:
            while data := await reader.read(_READ_BYTES):
                buffer.feed(data)
                while (body := buffer.next_body()) is not None:
                    self._deliver(decode_msgpack(body))
        except (OSError, AssayError) as error:
            why = str(error)
        self._lost(why)

    def _deliver(self, message: Any) -> None:
        if not isinstance(message, dict):
            raise SandboxError("the daemon sent something that is not an answer")
        body = message.get("error")
        error = None if body is None else error_from_wire(to_struct(body, ErrorBody))
        if message.get("id") is None:
            # The daemon closes after this one: it is the reason.
            raise error or SandboxError("the daemon sent something that is not an answer")
        if "index" in message:
            if (parts := self._parts.get(message["id"])) is not None:
                parts.put_nowait((message["index"], error or message.get("answer") or {}))
            return
        answer = self._pending.get(message["id"])
        if answer is None or answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(message.get("answer") or {})

    def _lost(self, why: str) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = self._reading = None
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(SandboxError(f"{self._path}: connection lost, nothing is known of the run: {why}"))
