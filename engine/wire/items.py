"""Items as every wire carries them: nothing in one is changed on the way, or it is refused before it is sent."""

from __future__ import annotations

import base64
import math
from typing import Any, Final

import msgspec

from engine.errors import BadInput
from engine.wire.decode import is_unicode
from engine.wire.tagging import LEAST_INT, MOST_INT, tagged
from engine.wire.values import MAX_DEPTH

# A test with this field has values in the others.
_CALL: Final = "call"
_SHOWN_PATH: Final = 160


def item_to_wire(item: object, *, text_only: bool) -> dict[str, Any]:
    """A copy of `item`, in which the values of call tests that JSON cannot say are tagged; plain values are not copied.

    text_only  bytes under NAME become base64 under NAME_base64 (JSON has none)
    Raises BadInput, whose field is like `tests[2].expected[0]`, for what no wire can carry.
    """
    try:
        return _item_to_wire(item, text_only)
    except RecursionError:
        raise BadInput("item", type(item).__name__, "nested too deeply") from None


def _item_to_wire(item: object, text_only: bool) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise BadInput("item", type(item).__name__, "expected a map")
    tests = item.get("tests")
    if not isinstance(tests, list | tuple):
        return _Structure(text_only).map(item, "", 0)
    wire = _Structure(text_only).map({**item, "tests": None}, "", 0)
    wire["tests"] = [_test(test, f"tests[{index}]", text_only) for index, test in enumerate(tests)]
    return wire


def _test(test: object, place: str, text_only: bool) -> Any:
    structure = _Structure(text_only)
    if isinstance(test, msgspec.Struct):
        raise BadInput(place, type(test).__name__, "expected a map")
    if not isinstance(test, dict) or _CALL not in test:
        return structure.value(test, place, 1)
    values: dict[str, Any] = {}
    for name in ("arguments", "also"):
        if isinstance(given := test.get(name), list | tuple):
            values[name] = [tagged(each, f"{place}.{name}[{index}]") for index, each in enumerate(given)]
    if "expected" in test:
        values["expected"] = tagged(test["expected"], f"{place}.expected")
    return {**structure.map({**test, **dict.fromkeys(values)}, f"{place}.", 1), **values}


class _Structure:
    """Copies all that is no value of a call test: maps with text as keys, lists, text, numbers, bytes under a name."""

    def __init__(self, text_only: bool) -> None:
        self._text_only = text_only

    def map(self, data: dict[Any, Any], prefix: str, depth: int) -> dict[str, Any]:
        copied: dict[str, Any] = {}
        for key, each in data.items():
            if not isinstance(key, str):
                raise BadInput(prefix.removesuffix(".") or "item", key, "expected text as the name of a field")
            name = self.value(key, prefix.removesuffix(".") or "item", depth)
            if type(each) is bytes and self._text_only:
                name, each = f"{name}_base64", base64.b64encode(each).decode()
            elif type(each) is not bytes:
                each = self.value(each, f"{prefix}{name}", depth)
            if name in copied:
                raise BadInput(f"{prefix}{name}", each, "given twice: expected only one")
            copied[name] = each
        return copied

    def value(self, value: Any, field: str, depth: int) -> Any:
        if value is None or type(value) is bool:
            return value
        if isinstance(value, str):
            if not is_unicode(value):
                raise BadInput(field, value, "lone surrogates: not Unicode text")
            return str.__str__(value)
        if isinstance(value, int):
            if not LEAST_INT <= value <= MOST_INT:
                raise BadInput(field, value, "expected an integer of at most 64 bits")
            return int.__pos__(value)
        if type(value) is float:
            if not math.isfinite(value):
                raise BadInput(field, str(value), "expected a finite number")
            return value
        if depth == MAX_DEPTH:
            raise BadInput(f"{field[:_SHOWN_PATH]}...", type(value).__name__, f"nested deeper than {MAX_DEPTH}")
        if isinstance(value, dict):
            return self.map(value, f"{field}.", depth + 1)
        if isinstance(value, list | tuple):
            return [self.value(each, f"{field}[{index}]", depth + 1) for index, each in enumerate(value)]
        if isinstance(value, msgspec.Struct):
            return self.map(msgspec.structs.asdict(value), f"{field}.", depth + 1)
        raise BadInput(field, type(value).__name__, "expected text, a number, bytes under a name, a list or a map")
