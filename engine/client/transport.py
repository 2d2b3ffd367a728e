"""The way to a daemon or a cluster, by its address."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Protocol

from engine.client.frames import FrameTransport
from engine.client.http import HttpTransport
from engine.errors import AssayError
from engine.wire.address import unix_path


class Transport(Protocol):
    """What a client asks of it: one request, or many."""

    text_only: bool
    """It carries no bytes."""

    async def request(self, op: str, fields: dict[str, Any]) -> dict[str, Any]:
        """The answer; raises what it says."""
        ...

    def batch(
        self, op: str, batch: list[dict[str, Any]], fields: dict[str, Any]
    ) -> AsyncGenerator[tuple[int, dict[str, Any] | AssayError], None]:
        """(index, answer or its error) as they come."""
        ...

    async def close(self) -> None:
        """Let go of it; what is in flight is killed."""
        ...


def transport_to(address: str | None, *, token: str, reconnect_seconds: float) -> Transport:
    """The transport, not connected yet; the arguments are those of `Client`."""
    if address is not None and address.startswith("ray://"):
        from engine.client.ray_transport import RayTransport

        return RayTransport(address)
    if (path := unix_path(address)) is not None:
        return FrameTransport(path, token=token, reconnect_seconds=reconnect_seconds)
    return HttpTransport(address or "", token=token)
