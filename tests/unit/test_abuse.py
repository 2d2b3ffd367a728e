"""The index of tricks in tests/programs/README.md and the programs there say the same."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.support.hostile import INDEX, PROGRAMS, programs

_INDEX: Final = re.split(r"^## (.+)$", (PROGRAMS / INDEX).read_text(), flags=re.MULTILINE)[1:]
TRICKS: Final = {
    section: re.findall(r"^- (.+)$", lines, re.MULTILINE)
    for section, lines in zip(_INDEX[::2], _INDEX[1::2], strict=True)
}


def test_a_trick_is_named_once() -> None:
    named = [trick for tricks in TRICKS.values() for trick in tricks]
    assert len(named) > 100
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("section", TRICKS)
def test_every_trick_is_a_program(section: str) -> None:
    there = {trick for hostile in programs() if hostile.section == section for trick in hostile.abuse}
    assert there == set(TRICKS[section])


def test_what_a_program_says_to_be_is_in_the_index() -> None:
    for hostile in programs():
        assert len(set(hostile.abuse)) == len(hostile.abuse), hostile.name
        assert set(hostile.abuse) <= set(TRICKS.get(hostile.section, ())), hostile.name
