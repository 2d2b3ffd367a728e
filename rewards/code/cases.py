"""The tests of a code item: their kinds, and how each is read."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.errors import BadInput
from engine.wire.bytes import with_bytes
from engine.wire.decode import to_struct
from engine.wire.values import untagged
from rewards.code.asserts import MAX_PARSED_CHARS, names_of, problem_of
from rewards.code.checkers import Checker
from rewards.code.json_keys import read_keys
from rewards.code.script import check_script


class StdinCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The program reads `stdin` and has to print `expected`; both are bytes (text or `..._base64` in JSON).

    also        other outputs that are right too
    checker     this test's own, in place of the item's
    """

    expected: bytes
    stdin: bytes = b""
    also: tuple[bytes, ...] = ()
    checker: Checker | None = None


class JudgedCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The judge looks at what the program prints when it reads `stdin`; `expected` is the answer file that it gets."""

    stdin: bytes = b""
    expected: bytes | None = None


class CallCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The function `call` gets `arguments` and has to return `expected`: plain data (tagged in items, wire.values).

    also        other values that are right too
    checker     this test's own, in place of the item's
    in_place    `expected` is about this argument as the function leaves it, by its index
    """

    call: str
    arguments: list[Any]
    expected: Any
    also: list[Any] = []
    checker: Checker | None = None
    in_place: int | None = None


class AssertsCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Statements that have to reach their end, in a process of their own that sees the program as a proxy.

    context     text that runs before them, beside them: helpers that they need

    Text that tests nothing is refused: empty, comments alone, or functions that nobody calls. Text that uses what
    cannot cross between processes runs in the program's own: forgeable.
    """

    asserts: str
    context: str = ""


class ScriptCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Text in the program's own language that is appended to it and has to reach its end: forgeable."""

    script: str


Case = StdinCase | JudgedCase | CallCase | AssertsCase | ScriptCase

_PYTHON_ONLY: Final = {"call": CallCase, "asserts": AssertsCase}


def cases_of(tests: object, language: str, *, judged: bool, parses: bool) -> tuple[Case, ...]:
    """The tests of an item, checked; raises BadInput whose field is like `tests[2].expected`.

    judged  whether the item has a judge
    parses  whether it is a fault of an asserts test that this Python cannot parse it
    """
    if not isinstance(tests, list | tuple) or not tests:
        raise BadInput("tests", tests, "expected a list of at least one test")
    cases = tuple(_case(f"tests[{index}]", test, language, judged) for index, test in enumerate(tests))
    if len(cases) > 1 and any(isinstance(case, ScriptCase) for case in cases):
        raise BadInput("tests", len(cases), "a test with `script` stands alone: the text becomes part of the program")
    _check_asserts(cases, parses=parses)
    return cases


def with_keys_read(case: Case) -> Case:
    """The test as `json_keys` wants it: text keys in its values are numbers and booleans again."""
    if not isinstance(case, CallCase):
        return case
    return msgspec.structs.replace(
        case, arguments=read_keys(case.arguments), expected=read_keys(case.expected), also=read_keys(case.also)
    )


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


def _case(place: str, test: object, language: str, judged: bool) -> Case:
    if not isinstance(test, dict):
        raise BadInput(place, test, "expected a map")
    for name in _PYTHON_ONLY:
        if name in test and language != "python":
            raise BadInput(f"{place}.{name}", test[name], f"only python has such tests, not {language}")
    try:
        if "call" in test:
            return _call_case(test)
        kinds: tuple[tuple[str, type[AssertsCase | ScriptCase]], ...] = (
            ("asserts", AssertsCase),
            ("script", ScriptCase),
        )
        for name, kind in kinds:
            if name in test:
                case = to_struct(test, kind)
                if isinstance(case, ScriptCase):
                    check_script(case.script, language, name)
                return case
        if not test.keys() & {"stdin", "stdin_base64", "expected", "expected_base64"}:
            known = "stdin and expected, call, asserts, script"
            raise BadInput("request", test, f"a test of no known form: expected one with {known}")
        if judged:
            return to_struct(with_bytes(test, names=("stdin", "expected"), maps=()), JudgedCase)
        return _stdin_case(test)
    except BadInput as error:
        field = place if error.field == "request" else f"{place}.{error.field}"
        raise BadInput(field, error.value, error.message) from None


def _stdin_case(test: dict[str, Any]) -> StdinCase:
    fields = with_bytes(test, names=("stdin", "expected"), maps=())
    also = fields.get("also")
    if isinstance(also, list | tuple):
        fields["also"] = [_text_or_bytes(f"also[{index}]", each) for index, each in enumerate(also)]
    return to_struct(fields, StdinCase)


def _text_or_bytes(field: str, value: object) -> bytes:
    return bytes(with_bytes({field: value}, names=(field,), maps=())[field])


def _call_case(test: dict[str, Any]) -> CallCase:
    # The values go around msgspec, which reads no tags.
    shape = {**test, "expected": None} if "expected" in test else dict(test)
    values: dict[str, list[Any]] = {"arguments": [], "also": []}
    for name in values:
        given = test.get(name)
        if isinstance(given, list | tuple):
            shape[name] = []
            values[name] = [untagged(each, f"{name}[{index}]") for index, each in enumerate(given)]
    case = to_struct(shape, CallCase)
    if case.in_place is not None and not 0 <= case.in_place < len(values["arguments"]):
        raise BadInput("in_place", case.in_place, f"there are {len(values['arguments'])} arguments")
    return msgspec.structs.replace(case, expected=untagged(test["expected"], "expected"), **values)
