"""uvicorn's connection with what it lacks: bounds on headers and unread answers, and an ear for a client that goes."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.server.body import CONNECTION
from engine.server.service import Service

log = logging.getLogger("assay.server")
_HEAD_BYTES: Final = 1 << 16
_NOT_IN_HEAD: Final = -(1 << 62)


def protocol_for(service: Service) -> type[HttpToolsProtocol]:
    """The connection class of one daemon."""
    return type("BoundedProtocol", (_BoundedProtocol,), {"service": service})


class _BoundedProtocol(HttpToolsProtocol):
    service: Service
    _head_bytes = 0
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._lost = False
        self.waiting: set[asyncio.Task[Any]] = set()
        self.service.metrics.connections.add("http")

    def connection_lost(self, exc: Exception | None) -> None:
        self.service.metrics.connections.add("http", amount=-1)
        self._stop_clock()
        super().connection_lost(exc)
        self._lost = True
        for task in self.waiting:
            task.cancel()

    def is_lost(self) -> bool:
        """Whether the client has gone."""
        return self._lost

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()
        self.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._head_bytes = _NOT_IN_HEAD

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head_bytes += len(data)
        if self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"Headers longer than the cap of {_HEAD_BYTES} bytes")

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            seconds = self.service.config.unread_seconds
            self._stalled = asyncio.get_running_loop().call_later(seconds, self._cut_off)

    def resume_writing(self) -> None:
        self._stop_clock()
        super().resume_writing()

    def _stop_clock(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _cut_off(self) -> None:
        self._stalled = None
        self.service.metrics.cut_off.add()
        log.warning("client=http-%s cut off, it does not read its answer (server.unread_seconds)", self.client)
        self.transport.abort()
