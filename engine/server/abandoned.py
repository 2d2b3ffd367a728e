"""What is left of requests that nobody waits for any more."""

from __future__ import annotations

import gc
from typing import Final

# A collection looks at what is held; where that is little it takes a few milliseconds.
_AT_ONCE: Final = 64
_HELD_BYTES: Final = 1 << 20


class Abandoned:
    """Counts them: their tasks, frames and errors refer to each other, and the daemon has garbage collected rarely."""

    def __init__(self) -> None:
        self._count = 0

    def one_more(self, held_bytes: int) -> None:
        """A client has gone; `held_bytes` are those of the requests in memory. Collects after a number of them."""
        self._count += 1
        if self._count >= _AT_ONCE and held_bytes < _HELD_BYTES:
            self._count = 0
            gc.collect()
