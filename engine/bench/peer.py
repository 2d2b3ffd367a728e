"""What a peer of the bench is: something that runs a program, as its users would run it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from engine.bench.load import Segment
from engine.bench.programs import Name, Programs


class PeerFailed(Exception):
    """A peer did not do what it is for; counted as an error of it, with this message."""


class Load(Protocol):
    """A peer that is ready, and how many runs it has in flight."""

    async def __call__(self, program: Name, seconds: float) -> Segment:
        """Run the program for so long, as fast as it goes; raises PeerFailed, AssayError or OSError."""


class Peer(Protocol):
    """One row of the table.

    name      as the row and `--peers` say it
    how       one sentence on how it is run
    programs  which of the programs it can run
    """

    @property
    def name(self) -> str: ...
    @property
    def how(self) -> str: ...
    @property
    def programs(self) -> tuple[Name, ...]: ...

    def missing(self) -> str | None:
        """What is not installed and how to get it; None if all is here."""

    def open(self, programs: Programs, in_flight: int) -> AbstractAsyncContextManager[Load]:
        """Make it ready; raises PeerFailed, AssayError or OSError."""
