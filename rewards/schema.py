"""Items as they arrive: one map per completion, the same on a line of JSON, in a frame and in Python."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeVar

import msgspec

from engine.errors import BadInput
from engine.languages import language_named
from engine.program import Limits
from engine.wire import to_struct
from engine.wire_bytes import with_bytes
from rewards.checkers import Checker

_T = TypeVar("_T")
_MAX_MARKER_CHARS: Final = 100


class StdinCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The program reads `stdin` and has to print `expected`; both are bytes (text or `..._base64` in JSON)."""

    expected: bytes
    stdin: bytes = b""


class CallCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The function `call` gets `arguments` and has to return `expected`, both plain data."""

    call: str
    arguments: list[Any]
    expected: Any


class AssertsCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Statements that run after the program, in its process, and have to reach their end: forgeable."""

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


class CodeItem(_CodeFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A completion that holds a program, with its tests.

    language    what the program is written in
    image       the root file system that it sees; None means the engine's own
    tests       at least one
    checker     how outputs and returned values are compared
    limits      of every run; None means the engine's own
    reward      "all": 1.0 if every test is ACCEPTED, else 0.0, and the first failure ends it;
                "fraction": the share of tests that are
    """

    tests: tuple[Case, ...]


class MathItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    r"""A completion whose final answer is compared with `reference`.

    answer_pattern    the literal text before the answer, which is the rest of its line (`A:`, `####`); None: `\boxed{}`
    """

    completion: str
    reference: str | int
    kind: Literal["math"] = "math"
    id: str | int | None = None
    answer_pattern: str | None = None


def code_item(item: dict[str, Any]) -> CodeItem:
    """The item, checked; raises BadInput whose field is like `tests[2].expected`."""
    fields = _checked(item, _CodeFields, without="tests")
    tests = item.get("tests")
    if not isinstance(tests, list | tuple) or not tests:
        raise BadInput("tests", tests, "expected a list of at least one test")
    language = language_named(fields.language).name
    cases = tuple(_case(index, test, language) for index, test in enumerate(tests))
    return CodeItem(**msgspec.structs.asdict(fields), tests=cases)


def math_item(item: dict[str, Any]) -> MathItem:
    """The item, checked; raises BadInput naming the field."""
    checked = _checked(item, MathItem)
    marker = checked.answer_pattern
    if marker is not None and not (marker.strip() and len(marker) <= _MAX_MARKER_CHARS and "\n" not in marker):
        message = f"expected the literal text before the answer: one line, at most {_MAX_MARKER_CHARS} characters"
        raise BadInput("answer_pattern", marker, message)
    return checked


def check_item(item: object) -> dict[str, Any]:
    """Any kind of item, checked; raises BadInput."""
    if not isinstance(item, dict):
        raise BadInput("item", item, "expected a map")
    kind = item.get("kind")
    if kind == "code":
        code_item(item)
    elif kind == "math":
        math_item(item)
    else:
        raise BadInput("kind", kind, "expected one of code, math")
    return item


def _checked(item: dict[str, Any], kind: type[_T], without: str = "") -> _T:
    fields = to_struct({name: value for name, value in item.items() if name != without}, kind)
    for name in ("completion", "reference"):
        value = item.get(name)
        if isinstance(value, str) and not _is_unicode(value):
            raise BadInput(name, value, "lone surrogates: not Unicode text")
    return fields


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
        return to_struct(test, kind)
    except BadInput as error:
        field = place if error.field == "request" else f"{place}.{error.field}"
        raise BadInput(field, error.value, error.message) from None
