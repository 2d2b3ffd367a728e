"""A trace that is collected in one process and told in another."""

from __future__ import annotations

import time

from engine.trace import JUDGED, TRACE, collected, tell
from tests.support.told import Told


def test_parts_and_notes_are_told_by_another_clock() -> None:
    with collected() as trace:
        now = time.monotonic()
        current = TRACE.get()
        assert current is trace
        current.add("run", now + 1, now + 3, {"test": 0})
        current.note("fault", {"run_id": 7})
        current.note(JUDGED, {"verdict": "ACCEPTED"})
    assert TRACE.get() is None
    told = Told()
    tell(told, trace.parts, 1000.0, {"node": "there"})
    ((name, began, ended, attributes),) = told.parts
    assert (name, attributes, round(ended - began, 6)) == ("run", {"test": 0, "node": "there"}, 2.0)
    assert 1001 <= began < 1001.1
    ((name, at, attributes),) = told.notes
    assert (name, attributes) == ("fault", {"run_id": 7, "node": "there"})
    assert at is not None
    assert 1000 <= at < 1000.1
