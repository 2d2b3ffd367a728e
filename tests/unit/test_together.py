"""What a scorer answers in one go, and what is scored one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest

from engine.engine import Engine
from engine.errors import AssayError, BadInput, SandboxError
from engine.scorer import Parsed, parsed_item
from engine.server.together import scored


class Halves:
    """Odd numbers have none; one who is asked for many at once tires of 6, and breaks at 8."""

    kind = "halves"

    def parse(self, item: dict[str, Any]) -> int:
        number: int = item["number"]
        return number

    async def score(
        self, parsed: int, engine: Engine, *, client: str, deadline_seconds: float | None
    ) -> dict[str, Any]:
        if parsed % 2:
            raise BadInput("number", parsed, "odd")
        return {"reward": parsed / 2, "alone": True}

    def score_together(self, parsed: Sequence[int]) -> list[dict[str, Any] | None]:
        if 6 in parsed:
            raise SandboxError("tired")
        if 8 in parsed:
            raise ZeroDivisionError
        return [None if number % 2 else {"reward": number / 2} for number in parsed]


async def answers(*numbers: int) -> dict[int, dict[str, Any] | AssayError]:
    items = [parsed_item({"halves": Halves()}, {"kind": "halves", "number": number}) for number in numbers]

    async def ask(item: Parsed) -> dict[str, Any]:
        return await item.score(Engine(), client="", deadline_seconds=None)

    numbered = scored(items, frozenset({"halves"}), lambda _, answer: answer, ask, 2)
    async with contextlib.aclosing(numbered):
        found = {index: answer async for index, answer in numbered}
    assert items == []
    return found


async def test_those_that_cannot_go_together_follow() -> None:
    found = await answers(2, 3, 4)
    assert (found[0], found[2]) == ({"reward": 1}, {"reward": 2})
    assert isinstance(found[1], BadInput)


async def test_what_is_wrong_with_all_is_said_of_each() -> None:
    found = await answers(2, 3, 6)
    assert (found[0], found[2]) == ({"reward": 1, "alone": True}, {"reward": 3, "alone": True})
    assert isinstance(found[1], BadInput)


async def test_a_bug_ends_the_batch() -> None:
    with pytest.raises(ZeroDivisionError):
        await answers(2, 8)
