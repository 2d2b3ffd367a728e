"""What the bench has judged: an item as Assay takes it, the same for others, and what a right judge says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from rewards.data.datasets import humaneval

Kind = Literal["right", "wrong", "slow", "does not parse", "loops"]
_NOTHING: Final = "    return None\n"


class BenchItem(NamedTuple):
    """One completion with its tests.

    item        as Assay takes it
    accepted    whether a right judge accepts it
    needed      tests that have to run to tell: all of them, or up to the first that fails
    alone       a program that reads a test from stdin and prints its answer
    streams     of each test, what goes into that program and what has to come out
    prime_code  the tests as verl's prime_code takes them; None where it has no such form
    """

    item: dict[str, Any]
    kind: Kind
    accepted: bool
    needed: int
    alone: str
    streams: tuple[tuple[str, str], ...]
    prime_code: dict[str, Any] | None

    @property
    def language(self) -> str:
        """The program's language."""
        language: str = self.item.get("language", "python")
        return language


def human_eval(path: Path) -> Iterator[BenchItem]:
    """HumanEval's problems with their canonical solutions, then with programs that return None; one test each."""
    for body, kind in ((None, "right"), (_NOTHING, "wrong")):
        for item, label in humaneval(path, body):
            program = item["prompt"] + (item["canonical_solution"] if body is None else body)
            yield BenchItem(
                item=item,
                kind="right" if kind == "right" else "wrong",
                accepted=label == "ACCEPTED",
                needed=1,
                alone=f"{program}\n{item['test']}\ncheck({item['entry_point']})\n",
                streams=(("", ""),),
                prime_code=None,
            )
