"""How fast slots come free while somebody waits for one, and so how long a wait will be."""

from __future__ import annotations

from collections import deque
from typing import Final

# Enough to smooth out long programs, few enough to follow a change.
_REMEMBERED: Final = 32
_LEAST: Final = 8


class Pace:
    """Remembers when slots came free since the queue was last empty; times are the event loop's, in seconds."""

    def __init__(self) -> None:
        self._freed: deque[float] = deque(maxlen=_REMEMBERED)

    def freed(self, now: float) -> None:
        """A slot came free for somebody who waited."""
        self._freed.append(now)

    def forget(self) -> None:
        """Nobody waits: what was is no measure any more."""
        self._freed.clear()

    def seconds(self, now: float, ahead: int) -> float:
        """How long `ahead` others will take that are served before; 0.0 while too little is known."""
        if len(self._freed) < _LEAST:
            return 0.0
        return ahead * (now - self._freed[0]) / len(self._freed)
