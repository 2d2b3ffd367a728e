"""What a corner is: a program and what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine import Limits, Program


@dataclass(frozen=True, kw_only=True)
class Corner:
    """A small program of which each run does the same; addresses in what it prints may differ."""

    source: str
    stdin: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    limits: Limits | None = None

    def program(self, *, warm: bool) -> Program:
        return Program(self.source, files=dict(self.files), warm=warm)


Corners = Mapping[str, Corner | str]
