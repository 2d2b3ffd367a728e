"""The MessagePack face: accepts clients on a Unix socket."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from typing import Final

from engine.errors import AssayError, BadInput, Overloaded
from engine.server.connection import FrameConnection
from engine.server.listen import BACKLOG
from engine.server.service import Service
from engine.wire.frames import encode_frame
from engine.wire.messages import error_body

log = logging.getLogger("assay.server")
_PEER_CREDENTIALS: Final = struct.Struct("iII")


class FrameServer:
    """Accepts clients of the daemon's own user, and root, on a bound and listening Unix socket."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._connections: dict[asyncio.Task[None], FrameConnection] = {}
        self._named = 0
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begin to accept."""
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, backlog=BACKLOG)

    def stop_accepting(self) -> None:
        """Close the listener; connections go on."""
        if self._server is not None:
            self._server.close()

    async def quiet(self) -> None:
        """Wait until every answer is written."""
        for connection in list(self._connections.values()):
            await connection.quiet()

    async def close(self) -> None:
        """End every connection and kill what its client runs."""
        self.stop_accepting()
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (refusal := self._refusal(writer)) is not None:
            log.warning("client refused: %s", refusal)
            writer.write(encode_frame({"id": None, "error": error_body(refusal)}))
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None
        self._named += 1
        connection = FrameConnection(self._service, reader, writer, f"unix-{self._named}")
        self._connections[task] = connection
        self._service.metrics.connections.add("unix")
        try:
            await connection.serve()
        finally:
            self._service.metrics.connections.add("unix", amount=-1)
            del self._connections[task]

    def _refusal(self, writer: asyncio.StreamWriter) -> AssayError | None:
        peer: socket.socket = writer.get_extra_info("socket")
        packed = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        _, uid, _ = _PEER_CREDENTIALS.unpack(packed)
        if uid not in (0, os.geteuid()):
            return BadInput("uid", uid, f"this daemon serves uid {os.geteuid()} alone")
        if len(self._connections) >= self._service.config.connections:
            return Overloaded(f"more than {self._service.config.connections} connections (server.connections)")
        return None
