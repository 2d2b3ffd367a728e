"""Reading requests: no more than the cap, no longer than allowed, and never on after the client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, Protocol, TypeVar

from starlette.requests import ClientDisconnect, Request

from engine.errors import BadInput
from engine.server.answers import ClientGone, TooLarge

_T = TypeVar("_T")
CONNECTION: Final = "assay.connection"


async def read_body(request: Request, *, cap: int, seconds: float) -> bytes:
    """The body; raises TooLarge before it is read where its length is told, BadInput for a slow one, ClientGone."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > cap:
        raise _too_large(int(told), cap)
    chunks: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                length += len(chunk)
                if length > cap:
                    raise _too_large(length, cap)
                chunks.append(chunk)
    except TimeoutError:
        raise BadInput("body", None, f"not whole after {seconds:g} s (server.request_seconds)") from None
    except ClientDisconnect:
        raise ClientGone from None
    return b"".join(chunks)


def _too_large(length: int, cap: int) -> TooLarge:
    return TooLarge("body", length, f"longer than the cap of {cap} bytes (server.request_bytes)")


class Lost(Protocol):
    """What the scope of a request holds under `CONNECTION`: the client's connection."""

    waiting: set[asyncio.Task[Any]]
    """Cancelled when the connection is lost."""

    def is_lost(self) -> bool:
        """Whether the client has gone."""


async def while_connected(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """What `work` returns; if the client disconnects first, `work` is cancelled and ClientGone raised."""
    connection: Lost = request.scope[CONNECTION]
    task = asyncio.current_task()
    if connection.is_lost() or task is None:
        work.close()
        raise ClientGone
    connection.waiting.add(task)
    try:
        return await work
    except asyncio.CancelledError:
        if not connection.is_lost():
            raise
        task.uncancel()
        raise ClientGone from None
    finally:
        connection.waiting.discard(task)
