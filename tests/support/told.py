"""A trace that can be looked at."""

from __future__ import annotations

from engine.trace import Attributes


class Told:
    """A trace that keeps what it is told."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, float, float, Attributes]] = []
        self.notes: list[tuple[str, float | None, Attributes]] = []

    def add(self, name: str, began: float, ended: float, attributes: Attributes) -> None:
        self.parts.append((name, began, ended, attributes))

    def note(self, name: str, attributes: Attributes, at: float | None = None) -> None:
        self.notes.append((name, at, attributes))
