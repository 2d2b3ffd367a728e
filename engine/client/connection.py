"""One connection to a daemon's socket, and what is asked on it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from engine.errors import AssayError, SandboxError
from engine.wire.decode import decode_msgpack, to_struct
from engine.wire.frames import FrameBuffer, encode_frame
from engine.wire.messages import ErrorBody, error_from_wire

_READ_BYTES: Final = 1 << 16
# Answers are bounded by the daemon's ceilings; this only tells a daemon from something else.
_ANSWER_BYTES: Final = 1 << 30
# For what is still to be sent to a daemon that does not read.
_CLOSE_SECONDS: Final = 1.0
# Of a batch: what has come of it; None at its end.
_Parts: TypeAlias = "asyncio.Queue[tuple[int, dict[str, Any] | AssayError] | None]"


class Connection:
    """Once it is lost, all that was asked on it has failed, and nothing more can be asked."""

    def __init__(self, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._path = path
        self._writer = writer
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._parts: dict[int, _Parts] = {}
        self._lost: str | None = None
        self._reading = asyncio.create_task(self._read(reader))

    @property
    def lost(self) -> bool:
        """Nothing can be asked any more."""
        return self._lost is not None

    async def request(self, op: str, fields: dict[str, Any]) -> dict[str, Any]:
        """The answer; raises what the daemon says, and SandboxError once the connection is lost."""
        with self._asked(op, fields) as answer:
            return await answer

    async def batch(
        self, op: str, fields: dict[str, Any]
    ) -> AsyncGenerator[tuple[int, dict[str, Any] | AssayError], None]:
        """(index, answer or its error) as they come; raises as `request`, for the whole."""
        parts: _Parts = asyncio.Queue()
        with self._asked(op, fields, parts) as whole:
            whole.add_done_callback(lambda _: parts.put_nowait(None))
            while (part := await parts.get()) is not None:
                yield part
            whole.result()

    async def close(self, why: str) -> None:
        """Close it; the daemon kills what is in flight on it."""
        self._lose(why)
        self._reading.cancel()
        await asyncio.wait([self._reading])
        # A loop that ends before it is closed would leave the socket open.
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._writer.wait_closed()
        except TimeoutError:
            self._writer.transport.abort()
        except OSError:
            pass

    @contextlib.contextmanager
    def _asked(
        self, op: str, fields: dict[str, Any], parts: _Parts | None = None
    ) -> Iterator[asyncio.Future[dict[str, Any]]]:
        """Send it; leaving before the answer is there tells the daemon to kill the run."""
        if self._lost is not None:
            raise SandboxError(f"{self._path}: connection lost, nothing was asked: {self._lost}")
        request_id = next(self._ids)
        frame = encode_frame({"id": request_id, "op": op, **fields})
        answer = self._pending[request_id] = asyncio.get_running_loop().create_future()
        if parts is not None:
            self._parts[request_id] = parts
        self._writer.write(frame)
        try:
            yield answer
        finally:
            del self._pending[request_id]
            self._parts.pop(request_id, None)
            if answer.done() and not answer.cancelled():
                # Nobody may have waited for it to the end: asyncio would log it.
                answer.exception()
            elif not self._writer.is_closing():
                self._writer.write(encode_frame({"id": next(self._ids), "op": "cancel", "target": request_id}))

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
        finally:
            self._lose(why)

    def _deliver(self, message: Any) -> None:
        if not isinstance(message, dict):
            raise SandboxError("the daemon sent something that is not an answer")
        body = message.get("error")
        error = None if body is None else error_from_wire(to_struct(body, ErrorBody))
        request_id = message.get("id")
        if not isinstance(request_id, int):
            # The daemon closes after this one: it is the reason.
            raise error or SandboxError("the daemon sent something that is not an answer")
        if "index" in message:
            if (parts := self._parts.get(request_id)) is not None:
                parts.put_nowait((message["index"], error or message.get("answer") or {}))
            return
        answer = self._pending.get(request_id)
        if answer is None or answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(message.get("answer") or {})

    def _lose(self, why: str) -> None:
        if self._lost is not None:
            return
        self._lost = why
        self._writer.close()
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(SandboxError(f"{self._path}: connection lost, nothing is known of the run: {why}"))
