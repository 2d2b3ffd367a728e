"""Equal hashes can be made on purpose: what they would cost is counted before a set or a map is built."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

# What comparing values with equal hashes may cost, in words of memory.
_MAX_WORK: Final = 20_000_000
_UNCHECKED_ITEMS: Final = 64


class TooManyCollisions(ValueError):
    """Building a set or a map of these items would take far more than linear time."""


class Collisions:
    """Counts the work over all the sets and maps of one message."""

    def __init__(self) -> None:
        self._work = 0

    def check(self, items: Sequence[Any]) -> None:
        """Raises TypeError for an item that has no hash, TooManyCollisions."""
        if len(items) <= _UNCHECKED_ITEMS:
            for item in items:
                hash(item)
            return
        counts: dict[int, int] = {}
        for item in items:
            value = hash(item)
            before = counts.get(value, 0)
            counts[value] = before + 1
            if before:
                self._work += before * _words(item)
                if self._work > _MAX_WORK:
                    raise TooManyCollisions


def _words(item: Any) -> int:
    if isinstance(item, tuple | frozenset):
        return 1 + sum(map(_words, item))
    if isinstance(item, str | bytes):
        return 1 + len(item) // 8
    if isinstance(item, int):
        return 1 + item.bit_length() // 64
    return _words(item.numerator) + _words(item.denominator) if isinstance(item, Fraction) else 1
