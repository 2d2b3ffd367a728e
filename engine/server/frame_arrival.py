"""Frames out of the bytes of one client of the Unix socket: how long they may take, and how much they may hold."""

from __future__ import annotations

import asyncio
from typing import Final

from engine.config.server import ServerConfig
from engine.errors import BadInput
from engine.server.held import Held
from engine.wire.frames import FrameBuffer

_READ_BYTES: Final = 1 << 15


class FrameArrival:
    """What has come and is not taken yet counts as held. `end` has to be called."""

    def __init__(self, reader: asyncio.StreamReader, config: ServerConfig, held: Held) -> None:
        self._reader = reader
        self._seconds = config.request_seconds
        self._held = held
        self._buffer = FrameBuffer(config.request_bytes)
        self._counted = 0
        # When the frame that has begun must be there.
        self._whole_by: float | None = None
        self._has_turn = False

    @property
    def partial_bytes(self) -> int:
        """Bytes of a frame that is not whole."""
        return self._buffer.waiting_bytes

    async def more(self) -> bool:
        """Wait for bytes, an idle client's for ever; False at the end of the stream. Raises BadInput, OSError."""
        if self.partial_bytes:
            if self._held.full and not self._has_turn:
                await self._held.turn.acquire()
                self._has_turn = True
                self._whole_by = None
            if self._whole_by is None:
                self._whole_by = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._whole_by):
                data = await self._reader.read(_READ_BYTES)
        except TimeoutError:
            raise BadInput("frame", None, f"not whole after {self._seconds:g} s (server.request_seconds)") from None
        self._buffer.feed(data)
        self._count(0)
        return bool(data)

    def next_body(self) -> bytes | None:
        """The next whole frame's body, which counts until the next call, or None; raises BadInput if it is too long."""
        if self._whole_by is None:
            self._leave_turn()
        body = self._buffer.next_body()
        if body is not None:
            self._whole_by = None
        self._count(0 if body is None else len(body))
        return body

    def end(self) -> None:
        """Nothing of it is held any more."""
        self._buffer = FrameBuffer(0)
        self._count(0)
        self._leave_turn()
        if (error := self._reader.exception()) is not None:
            # It leads back to the reader.
            error.__traceback__ = None

    def _count(self, taken_bytes: int) -> None:
        counted = self._buffer.waiting_bytes + taken_bytes
        self._held.bytes += counted - self._counted
        self._counted = counted

    def _leave_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._held.turn.release()
