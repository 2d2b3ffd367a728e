"""The table of what ends otherwise without namespaces names real programs, and the documentation lists all of it."""

from __future__ import annotations

from pathlib import Path

from tests.support.hostile import programs
from tests.support.landlock_differences import DIFFERENCES, REASONS

PAGE = Path(__file__).parents[2] / "docs" / "where-it-runs.md"


def test_every_name_is_that_of_a_program_and_stands_once() -> None:
    names = [name for group in REASONS.values() for name in group]
    assert len(names) == len(set(names)) == len(DIFFERENCES)
    assert set(names) <= {hostile.name for hostile in programs()}


def test_the_page_lists_them_by_reason() -> None:
    rows = {row.split("|")[1].strip(): row for row in PAGE.read_text().splitlines() if row.startswith("| ")}
    for reason, names in REASONS.items():
        listed = {word.strip("`") for word in rows[reason].split("|")[3].replace(",", " ").split()}
        assert listed == set(names)
