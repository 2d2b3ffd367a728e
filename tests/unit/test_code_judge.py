"""What the end of a judge means, in languages and places that may not be here."""

from __future__ import annotations

import pytest

from engine.program import Outcome
from rewards.code.judge import Judge, ended_alike, gave_points, gave_up

RUST = b"\nthread 'main' (7) panicked at src/main.rs:2:34:\ncalled `Option::unwrap()` on a `None` value\n"


@pytest.mark.parametrize(
    ("language", "code", "stderr", "points"),
    [
        ("cpp", 7, b"points 0.5", True),
        ("cpp", 16, b"", True),
        ("cpp", 216, b"", True),
        ("cpp", 217, b"", False),
        ("cpp", 1, b"", False),
        ("rust", 101, b"", True),
        ("rust", 101, RUST, False),
        ("rust", 101, RUST.replace(b" (7)", b""), False),
        ("perl", 25, b"x at main.pl line 1, <STDIN> line 1.\n", False),
        ("php", 255, b"PHP Fatal error:  Uncaught Exception", False),
    ],
)
def test_points_are_chosen_and_no_uncaught_error(language: str, code: int, stderr: bytes, points: bool) -> None:
    judge, outcome = Judge(source="x", language=language), Outcome(exit_code=code, stderr=stderr)
    assert (gave_points(judge, outcome), gave_up(judge, outcome)) == (points, points)
    assert not gave_points(Judge(source="x", language=language, convention="scalebox"), outcome)


def test_the_same_end_in_another_directory() -> None:
    def ended(place: str, error: str, code: int = 1) -> Outcome:
        return Outcome(exit_code=code, stderr=f'  File "{place}/main.py", line 1, in f\n{error}\n'.encode())

    assert ended_alike(ended("/tmp/assay-0/slot-0/run/work", "KeyError: 'x'"), ended("/work", "KeyError: 'x'"))
    assert not ended_alike(ended("/work", "KeyError: 'x'"), ended("/work", "KeyError: 'y'"))
    assert not ended_alike(ended("/work", "KeyError: 'x'"), ended("/work", "KeyError: 'x'", 2))
