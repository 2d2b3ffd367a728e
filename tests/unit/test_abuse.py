"""Nothing of the list of hostile tricks is missing among tests/programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.abuse import TRICKS
from tests.support.hostile import programs

LIST = Path(__file__).parents[2].parent / "shared/reference/abuse.md"


@pytest.mark.parametrize("section", TRICKS)
def test_every_trick_of_the_list_is_a_program(section: str) -> None:
    there = {trick for hostile in programs() if hostile.section == section for trick in hostile.abuse}
    assert there == set(TRICKS[section])


def test_what_a_program_says_to_be_is_on_the_list_once() -> None:
    for hostile in programs():
        assert len(set(hostile.abuse)) == len(hostile.abuse), hostile.name
        assert set(hostile.abuse) <= set(TRICKS.get(hostile.section, ())), hostile.name


@pytest.mark.skipif(not LIST.exists(), reason="the list itself, ../shared/reference/abuse.md, is not there")
def test_the_tricks_are_those_of_the_list() -> None:
    sections = dict(re.findall(r"^\*\*(.+?)\*\*: (.+?)(?=^\*\*|\Z)", LIST.read_text(), re.DOTALL | re.MULTILINE))
    # Everything up to the network; what comes after it is about graders and clients.
    assert list(sections)[: len(TRICKS)] == list(TRICKS)
    for section, tricks in TRICKS.items():
        left, place = " ".join(sections[section].split()), 0
        for trick in tricks:
            place = left.index(trick, place)
            left = left[:place] + left[place + len(trick) :]
        assert re.fullmatch(r"(?:and|or|to|[\s,;:/().])*", left), f"not in the table: {left}"
