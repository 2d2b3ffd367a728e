"""What is told about a request while it is traced; where none is, a look at `TRACE` is all it costs."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final, Protocol

Attributes = Mapping[str, str | int | float | bool]


class Trace(Protocol):
    """The trace of one request; times are those of time.monotonic()."""

    def add(self, name: str, began: float, ended: float, attributes: Attributes) -> None:
        """A part of it that has ended."""

    def note(self, name: str, attributes: Attributes) -> None:
        """Something that happened in it now."""


# Of the request for which something is done, in whatever task or thread that is.
TRACE: Final[ContextVar[Trace | None]] = ContextVar("trace", default=None)
