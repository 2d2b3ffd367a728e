"""Inputs beside outputs: APPS and TACO, verl's and PRIME's ground truth, LiveCodeBench, open-r1, PrimeIntellect.

All of them descend from the grader of APPS, and so do these rules. With a function's name an input is a list of
arguments, or a text with one JSON value on each line; without one it is the standard input, a list of lines too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from engine.errors import BadInput
from engine.wire.decode import decode_json
from rewards.code.forms.text import structure

# What a row may call the kind of one test.
_STDIN_WORDS: Final = frozenset({"stdin_stdout", "stdin", "standard_input", "stdio"})
_CALL_WORDS: Final = frozenset({"function_call", "functional", "call_based", "function"})


class _Pair(NamedTuple):
    """One test as the row has it, and where; `call` is the function's name, None for standard input."""

    input: Any
    output: Any
    call: str | None
    place: str


def read_tests(value: object, field: str, *, call: object = None, wrapped: bool = True) -> list[dict[str, Any]]:
    """The tests that stand in a column, ours in form; raises BadInput for one of no known form.

    call     the function's name where the row says it elsewhere
    wrapped  whether an expected value may stand in a list of its own, as APPS has it
    """
    tests = [_test(pair, wrapped) for pair in _pairs(structure(value, field), field, _name(call, "fn_name"))]
    if not tests:
        raise BadInput(field or "inputs", value, "expected at least one test")
    return tests


def _pairs(data: Any, field: str, call: str | None) -> Iterator[_Pair]:
    if isinstance(data, list | tuple):
        for index, each in enumerate(data):
            yield _pair(structure(each, f"{field}[{index}]"), f"{field}[{index}]", call)
        return
    if not isinstance(data, dict):
        raise BadInput(field, data, "expected a map with inputs and outputs, or a list of tests")
    call = _name(data.get("fn_name"), _at(field, "fn_name")) or call
    for name in ("test_cases", "tests"):
        if name in data:
            yield from _pairs(structure(data[name], _at(field, name)), _at(field, name), call)
            return
    names = next((pair for pair in (("inputs", "outputs"), ("input", "output")) if set(pair) <= data.keys()), None)
    if names is None:
        raise BadInput(field or "row", data, "a test of no known form: expected inputs and outputs")
    inputs, outputs = (structure(data[name], _at(field, name)) for name in names)
    for name, values in zip(names, (inputs, outputs), strict=True):
        if not isinstance(values, list | tuple):
            raise BadInput(_at(field, name), values, "expected a list")
    if len(inputs) != len(outputs):
        raise BadInput(_at(field, names[1]), len(outputs), f"there are {len(inputs)} {names[0]}")
    for index, (given, expected) in enumerate(zip(inputs, outputs, strict=True)):
        yield _Pair(given, expected, call, f"{_at(field, names[0])}[{index}]")


def _at(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def _pair(test: Any, place: str, call: str | None) -> _Pair:
    if not isinstance(test, dict):
        raise BadInput(place, test, "expected a map with input and output")
    kind = next((test[name] for name in ("testtype", "type") if test.get(name) is not None), None)
    if kind is not None and kind not in _STDIN_WORDS | _CALL_WORDS:
        known = ", ".join(sorted(_STDIN_WORDS | _CALL_WORDS))
        raise BadInput(f"{place}.type", kind, f"a test of no known form: expected one of {known}")
    for name in ("input", "output"):
        if name not in test:
            raise BadInput(f"{place}.{name}", None, "required")
    metadata = test.get("metadata")
    named = metadata.get("func_name") if isinstance(metadata, dict) else None
    call = _name(test.get("fn_name"), f"{place}.fn_name") or _name(named, f"{place}.metadata.func_name") or call
    if kind in _CALL_WORDS and call is None:
        raise BadInput(f"{place}.fn_name", None, f"required for a test of type {kind!r}")
    return _Pair(test["input"], test["output"], None if kind in _STDIN_WORDS else call, place)


def _test(pair: _Pair, wrapped: bool) -> dict[str, Any]:
    if pair.call is None:
        return {"stdin": _text(pair.input, pair.place), "expected": _text(pair.output, pair.place)}
    arguments = _values(pair.input, pair.place)
    expected = _json(pair.output, pair.place) if isinstance(pair.input, str) else pair.output
    test = {"call": pair.call, "arguments": arguments, "expected": expected}
    if wrapped and isinstance(expected, list) and len(expected) == 1:
        test["also"] = [expected[0]]
    return test


def _text(value: object, place: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return "\n".join(_text(each, place) for each in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(place, value, "expected text or a list of lines, as there is no function's name")
    return str(value)


def _values(value: object, place: str) -> list[Any]:
    if isinstance(value, str):
        return [_json(line, place) for line in value.split("\n")]
    if isinstance(value, list | tuple):
        return list(value)
    return [value]


def _json(text: object, place: str) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return decode_json(text.encode("utf-8", "surrogatepass"))
    except BadInput as error:
        raise BadInput(place, text, f"expected JSON, as a function is called: {error.message}") from None


def _name(value: object, field: str) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadInput(field, value, "expected a function's name")
    return value
