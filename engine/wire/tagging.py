"""Values in call tests, written: as every wire carries them, with the tags of `engine.wire.values`."""

from __future__ import annotations

import base64
import math
from typing import Any, Final

import msgspec

from engine.errors import BadInput
from engine.wire.decode import is_unicode
from engine.wire.values import MAX_DEPTH, is_tag, untagged

LEAST_INT: Final = -(1 << 63)
MOST_INT: Final = (1 << 64) - 1


def tagged(value: object, field: str) -> Any:
    """The same value as every wire carries it, `value` itself where there is nothing to tag; raises as `untagged`.

    A tag in it stays one, so that `tagged(tagged(value))` is `tagged(value)`.
    """
    try:
        return value if _crosses(value, 0) else _written(untagged(value, field))
    except RecursionError:
        raise BadInput(field, type(value).__name__, "nested too deeply") from None


def _crosses(value: object, depth: int) -> bool:
    """Whether JSON and MessagePack both say `value` exactly; False too for what is wrong."""
    if type(value) is str:
        return is_unicode(value)
    if type(value) is int:
        return LEAST_INT <= value <= MOST_INT
    if type(value) is float:
        return math.isfinite(value)
    if value is None or type(value) is bool:
        return True
    if depth == MAX_DEPTH:
        return False
    if type(value) is list:
        kinds = set(map(type, value))
        if kinds == {int}:
            return bool(min(value) >= LEAST_INT and max(value) <= MOST_INT)
        if kinds == {float}:
            return all(map(math.isfinite, value))
        return all(_crosses(each, depth + 1) for each in value)
    if type(value) is not dict or is_tag(value):
        return False
    return all(type(key) is str and is_unicode(key) and _crosses(each, depth + 1) for key, each in value.items())


def _written(value: Any) -> Any:
    """A value that `untagged` gave, with tags."""
    match value:
        case float() if not math.isfinite(value):
            return {"$float": repr(value)}
        case int() if not LEAST_INT <= value <= MOST_INT:
            return {"$int": f"{value:#x}"}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case complex():
            return {"$complex": [_written(value.real), _written(value.imag)]}
        case list():
            return list(map(_written, value))
        case tuple():
            return {"$tuple": list(map(_written, value))}
        case set():
            return {"$set": _sorted(value)}
        case frozenset():
            return {"$frozenset": _sorted(value)}
        case dict() if is_tag(value) or not all(type(key) is str for key in value):
            return {"$dict": [[_written(key), _written(each)] for key, each in value.items()]}
        case dict():
            return {key: _written(each) for key, each in value.items()}
        case _:
            return value


def _sorted(elements: Any) -> list[Any]:
    # The order in a set differs from process to process; the same value shall be the same message.
    return sorted(map(_written, elements), key=msgspec.json.encode)
