"""Code items as they arrive: one map per completion, the same on a line of JSON, in a frame and in Python."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from engine.errors import BadInput
from engine.languages.prelude import added
from engine.languages.table import language_named
from engine.program import Limits
from engine.wire.bytes import with_bytes
from engine.wire.decode import to_struct
from engine.wire.values import untagged
from rewards.code.asserts import MAX_PARSED_CHARS, names_of, problem_of
from rewards.code.checkers import Checker
from rewards.code.json_keys import read_keys
from rewards.completion import Thinking
from rewards.item import checked


class StdinCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The program reads `stdin` and has to print `expected`; both are bytes (text or `..._base64` in JSON)."""

    expected: bytes
    stdin: bytes = b""


class CallCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The function `call` gets `arguments` and has to return `expected`: plain data (tagged in items, wire.values)."""

    call: str
    arguments: list[Any]
    expected: Any


class AssertsCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Statements that run after the program, in its process, and have to reach their end: forgeable.

    Text that tests nothing is refused: empty, comments alone, or functions that nobody calls.
    """

    asserts: str


Case = StdinCase | CallCase | AssertsCase


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
    """

    tests: tuple[Case, ...]


def code_item(item: dict[str, Any]) -> CodeItem:
    """The item, checked; raises BadInput whose field is like `tests[2].expected`."""
    fields = checked(item, _CodeFields, without="tests")
    tests = item.get("tests")
    if not isinstance(tests, list | tuple) or not tests:
        raise BadInput("tests", tests, "expected a list of at least one test")
    language = language_named(fields.language)
    # Refused here, and not when it is run.
    added(fields.prelude, language)
    cases = tuple(_case(index, test, language.name) for index, test in enumerate(tests))
    if fields.json_keys:
        cases = tuple(_with_keys(case) for case in cases)
    # An image may have a newer Python than this one, which reads more.
    _check_asserts(cases, parses=fields.image is None)
    return CodeItem(**msgspec.structs.asdict(fields), tests=cases)


def wanted_names(tests: tuple[Case, ...]) -> frozenset[str]:
    """Names that the tests ask a program for: what they call, or what their asserts use."""
    called = {case.call.partition(".")[0] for case in tests if isinstance(case, CallCase)}
    return names_of("\n".join(case.asserts for case in tests if isinstance(case, AssertsCase))) | called


def _check_asserts(cases: tuple[Case, ...], *, parses: bool) -> None:
    chars = 0
    for index, case in enumerate(cases):
        if isinstance(case, AssertsCase):
            chars += len(case.asserts)
            if chars > MAX_PARSED_CHARS:
                return
            problem = problem_of(case.asserts, parses=parses)
            if problem is not None:
                raise BadInput(f"tests[{index}].asserts", case.asserts, problem)


def _case(index: int, test: object, language: str) -> Case:
    place = f"tests[{index}]"
    if not isinstance(test, dict):
        raise BadInput(place, test, "expected a map")
    kind: type[Case] = CallCase if "call" in test else AssertsCase if "asserts" in test else StdinCase
    if kind is not StdinCase and language != "python":
        name = "call" if kind is CallCase else "asserts"
        raise BadInput(f"{place}.{name}", test[name], f"only python has such tests, not {language}")
    try:
        if kind is StdinCase:
            test = with_bytes(test, names=("stdin", "expected"), maps=())
        return _call_case(test) if kind is CallCase else to_struct(test, kind)
    except BadInput as error:
        field = place if error.field == "request" else f"{place}.{error.field}"
        raise BadInput(field, error.value, error.message) from None


def _with_keys(case: Case) -> Case:
    if not isinstance(case, CallCase):
        return case
    return CallCase(call=case.call, arguments=read_keys(case.arguments), expected=read_keys(case.expected))


def _call_case(test: dict[str, Any]) -> CallCase:
    # The values go around msgspec, which reads no tags.
    shape = {**test, "expected": None} if "expected" in test else dict(test)
    arguments = test.get("arguments")
    if isinstance(arguments, list | tuple):
        shape["arguments"] = []
    case = to_struct(shape, CallCase)
    return CallCase(
        call=case.call,
        arguments=[untagged(each, f"arguments[{index}]") for index, each in enumerate(arguments or ())],
        expected=untagged(test["expected"], "expected"),
    )
