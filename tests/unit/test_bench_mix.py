"""The mix of `assay bench load` is the same every time, and as its shares say."""

from __future__ import annotations

from collections import Counter

from engine.bench.mix import KINDS, order


def test_kinds_are_spread_by_their_shares() -> None:
    mixed = list(order(200))
    assert Counter(kind.name for kind in mixed) == {kind.name: 2 * kind.of_hundred for kind in KINDS}
    assert sum(kind.of_hundred for kind in KINDS) == 100
    # No wave of one kind.
    assert len({kind.name for kind in mixed[:12]}) == len(KINDS)
    assert mixed == list(order(200))
