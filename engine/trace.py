"""What is told about a request while it is traced; where none is, a look at `TRACE` is all it costs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Final, Protocol

import msgspec

Attributes = Mapping[str, str | int | float | bool]
# The note of a verdict.
JUDGED: Final = "judged"


class Trace(Protocol):
    """The trace of one request; times are those of time.monotonic()."""

    def add(self, name: str, began: float, ended: float, attributes: Attributes) -> None:
        """A part of it that has ended."""

    def note(self, name: str, attributes: Attributes, at: float | None = None) -> None:
        """Something that happened in it; None: now."""


# Of the request for which something is done, in whatever task or thread that is.
TRACE: Final[ContextVar[Trace | None]] = ContextVar("trace", default=None)


class Part(msgspec.Struct, frozen=True):
    """A part or a note (`ended` None) of a trace; times are seconds since the collecting began."""

    name: str
    began: float
    ended: float | None
    attributes: dict[str, str | int | float | bool]


class Collected:
    """A trace that is kept, for another process to tell; verdicts are noted by whoever asked."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.parts: list[Part] = []

    def add(self, name: str, began: float, ended: float, attributes: Attributes) -> None:
        """See `Trace.add`."""
        self.parts.append(Part(name, began - self._began, ended - self._began, dict(attributes)))

    def note(self, name: str, attributes: Attributes, at: float | None = None) -> None:
        """See `Trace.note`."""
        if name != JUDGED:
            at = time.monotonic() if at is None else at
            self.parts.append(Part(name, at - self._began, None, dict(attributes)))

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began


@contextlib.contextmanager
def collected() -> Iterator[Collected]:
    """What is told of what happens in it."""
    trace = Collected()
    outer = TRACE.set(trace)
    try:
        yield trace
    finally:
        TRACE.reset(outer)


def tell(trace: Trace, parts: list[Part], began: float, attributes: Attributes) -> None:
    """Tell `trace` what another process has collected since `began`, each with the attributes beside its own."""
    for part in parts:
        told = {**part.attributes, **attributes}
        if part.ended is None:
            trace.note(part.name, told, began + part.began)
        else:
            trace.add(part.name, began + part.began, began + part.ended, told)
