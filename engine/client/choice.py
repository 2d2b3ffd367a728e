"""Which node a request goes to: the less loaded of two that are taken at random."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar


class Loaded(Protocol):
    """A node, as a caller sees it."""

    @property
    def load(self) -> float:
        """Requests for each core."""
        ...

    @property
    def full(self) -> bool:
        """It would refuse one more."""
        ...


_L = TypeVar("_L", bound=Loaded)


def less_loaded_of_two(nodes: Sequence[_L], random_number: random.Random) -> _L | None:
    """One of the nodes; where both that were looked at are full, any that is not; None if all are."""
    if not nodes:
        return None
    count = len(nodes)
    first = int(random_number.random() * count)
    second = (first + 1 + int(random_number.random() * (count - 1))) % count
    chosen = min(nodes[first], nodes[second], key=_load)
    if not chosen.full:
        return chosen
    return next((node for node in nodes if not node.full), None)


def _load(node: Loaded) -> float:
    return node.load
