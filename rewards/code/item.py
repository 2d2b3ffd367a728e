"""Code items as they arrive: one map per completion, the same on a line of JSON, in a frame and in Python."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from engine.errors import BadInput
from engine.languages.prelude import added
from engine.languages.table import language_named
from engine.program import Limits
from rewards.code.cases import Case, JudgedCase, cases_of, with_keys_read
from rewards.code.checkers import Checker
from rewards.code.forms.table import column_of, item_of
from rewards.code.judge import Judge, judge_of
from rewards.code.stub import Stub
from rewards.completion import Thinking
from rewards.item import checked


class _CodeFields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    completion: str
    kind: Literal["code"] = "code"
    id: str | int | None = None
    language: str = "python"
    image: str | None = None
    checker: Checker = "lines"
    limits: Limits | None = None
    reward: Literal["all", "fraction"] = "all"
    thinking: Thinking = "auto"
    prelude: str | None = None
    json_keys: bool = False
    stub: Stub | None = None


class CodeItem(_CodeFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A completion that holds a program, with its tests.

    language    what the program is written in: a name, an alias, or a standard like c++20
    image       the root file system that it sees; None means the engine's own
    tests       at least one
    checker     how outputs and returned values are compared
    limits      of every run; None means the engine's own
    reward      "all": 1.0 if every test is ACCEPTED, else 0.0, and the first failure ends it;
                "fraction": the share of tests that are
    thinking    "opened": the prompt opened the thinking, so that without an end of it there is no program
    prelude     what the program finds when it begins: "competitive", "leetcode" (engine/languages/prelude.py)
    json_keys   text keys in arguments and expected are numbers and booleans again, where they read as such
    stub        the code that the completion goes on from, where it does not repeat it
    judge       the program that says whether an output is right, in place of a checker
    form        the data set in whose form the tests came; None: in our own
    """

    tests: tuple[Case, ...]
    judge: Judge | None = None
    form: str | None = None


def _check_talks(cases: tuple[Case, ...]) -> None:
    for index, case in enumerate(cases):
        if not isinstance(case, JudgedCase):
            raise BadInput(
                f"tests[{index}]", {}, "the judge is interactive: expected stdin and expected, its two files"
            )


def code_item(item: dict[str, Any]) -> CodeItem:
    """The item, or a data set's row with a completion, checked; raises BadInput, with a field like `tests[2].stdin`."""
    row = item
    item, form = item_of(row)
    judge = judge_of(item.get("judge"))
    fields = checked({name: value for name, value in item.items() if name != "judge"}, _CodeFields, without="tests")
    language = language_named(fields.language)
    # Refused here, and not when it is run.
    added(fields.prelude, language)
    # An image may have a newer Python than this one, which reads more.
    try:
        cases = cases_of(item.get("tests"), language.name, judged=judge is not None, parses=fields.image is None)
    except BadInput as error:
        raise BadInput(column_of(row, form, error.field), error.value, error.message) from None
    if judge is not None and judge.interactive:
        _check_talks(cases)
    if fields.json_keys:
        cases = tuple(map(with_keys_read, cases))
    return CodeItem(**msgspec.structs.asdict(fields), tests=cases, judge=judge, form=form)
