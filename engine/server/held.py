"""How many bytes of requests are in memory, of all clients of both faces."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

from engine.errors import Overloaded

# Requests of a training step come and go within it.
_ROOM_SECONDS: Final = 1.0


class Held:
    """Counts them from the first byte that arrives until the request is answered; past the bound requests are refused.

    bytes  what is held now
    turn   whoever reads on past the bound, to refuse a request by its id, does so alone
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.bytes = 0
        self.turn = asyncio.Lock()

    @property
    def full(self) -> bool:
        """It is past the bound."""
        return self.bytes > self._most_bytes

    def check(self) -> None:
        """Raises Overloaded past the bound."""
        if self.full:
            message = f"requests hold {self.bytes} bytes (server.held_bytes)"
            raise Overloaded(message, retry_seconds=_ROOM_SECONDS)

    @contextlib.contextmanager
    def holding(self, size_bytes: int) -> Iterator[None]:
        """Count the bytes of a request while it is answered."""
        self.bytes += size_bytes
        try:
            yield
        finally:
            self.bytes -= size_bytes
