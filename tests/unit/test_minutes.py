"""What was answered in each of the last minutes, bounded whatever is answered."""

from __future__ import annotations

import pytest

from engine.server.minutes import Minutes


def test_answers_are_counted_by_the_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = Minutes()
    now = 6_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    assert minutes.told() == []
    for verdict in ("ACCEPTED", "ACCEPTED", "TIME_LIMIT", None):
        minutes.count(verdict, "undecided")
    now += 61
    minutes.count(None, "x" * 1000)
    first, second = minutes.told()
    assert first == {
        "minute": 6_000_000,
        "verdicts": {"ACCEPTED": 2, "TIME_LIMIT": 1},
        "not_judged": {"undecided": 1},
    }
    assert (second["minute"], list(second["not_judged"].values())) == (6_000_060, [1])
    assert len(next(iter(second["not_judged"]))) < 100


def test_old_minutes_go_and_many_words_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = Minutes()
    now = 0.0
    monkeypatch.setattr("time.time", lambda: now)
    for _ in range(100):
        now += 60
        for number in range(100):
            minutes.count(None, f"reason {number}")
    told = minutes.told()
    assert len(told) == 30
    for each in told:
        assert sum(each["not_judged"].values()) == 100
        assert len(each["not_judged"]) <= 25
