"""Garbage of requests whose clients went away."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from engine.server.abandoned import Abandoned


class Frame:
    def __init__(self) -> None:
        self.error = self


@pytest.fixture(autouse=True)
def no_collections_of_its_own() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def left(abandoned: Abandoned, count: int, held_bytes: int) -> int:
    frames = [weakref.ref(Frame()) for _ in range(count)]
    for _ in frames:
        abandoned.one_more(held_bytes)
    return sum(frame() is not None for frame in frames)


def test_it_goes_after_a_number_of_them() -> None:
    assert left(Abandoned(), 10, 0) == 10
    assert left(Abandoned(), 64, 0) == 0


def test_not_while_much_is_held_that_would_have_to_be_looked_at() -> None:
    abandoned = Abandoned()
    assert left(abandoned, 64, 1 << 30) == 64
    assert left(abandoned, 1, 0) == 0
