"""Values in call tests, read: what JSON cannot say is a map with one key that begins with "$", on every wire.

    {"$tuple": [...]}  {"$set": [...]}  {"$frozenset": [...]}  {"$dict": [[key, value], ...]}
    {"$bytes": base64}  {"$complex": [re, im]}  {"$float": "nan", "inf" or "-inf"}  {"$int": "0x..." or decimal digits}

`$dict` is for maps whose keys are not all text, and for those that would look like a tag themselves.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, Final

from engine.errors import BadInput
from engine.wire.collisions import Collisions, TooManyCollisions
from engine.wire.decode import is_unicode

MAX_DEPTH: Final = 200

_PLAIN: Final = "expected plain data: numbers, text, bytes, lists, tuples, sets, dicts"
_NOT_UNICODE: Final = "lone surrogates: not Unicode text"
# Decimal text takes quadratic time to read, so Python ends it there; hexadecimal has no such end.
_INTEGER: Final = re.compile(r"-?(?:0x[0-9a-fA-F]+|[0-9]{1,4300})")
_FLOATS: Final = ("nan", "inf", "-inf")
_SHOWN_CHARS: Final = 40
_SHOWN_PATH: Final = 160

# Complete as they are, whatever they say.
_ATOMS: Final = frozenset((type(None), bool, int, float, complex, bytes))


class _Wrong(Exception):
    """`value` cannot stand where it does; the steps that lead there are added from within outwards."""

    def __init__(self, value: object, message: str) -> None:
        super().__init__(message)
        self.value = value
        self.message = message
        self.steps: list[str] = []

    def at(self, field: str) -> BadInput:
        path = "".join(reversed(self.steps))
        path = path if len(path) <= _SHOWN_PATH else f"{path[:_SHOWN_PATH]}..."
        return BadInput(field + path, self.value, self.message)


def untagged(data: object, field: str) -> Any:
    """The value that `data` means, a copy in exact builtins: tags are resolved, Python's own values taken as they are.

    Raises BadInput below `field`: for what is no plain data or has no wire, and for an unknown or malformed tag.
    """
    try:
        return _Reader().value(data, 0)
    except _Wrong as wrong:
        raise wrong.at(field) from None
    except RecursionError:
        raise BadInput(field, type(data).__name__, "nested too deeply") from None


def is_tag(data: dict[Any, Any]) -> bool:
    """Whether a map is taken for a tag."""
    if len(data) != 1:
        return False
    key = next(iter(data))
    return type(key) is str and key.startswith("$")


class _Reader:
    """Two frames for each level of nesting, so that MAX_DEPTH levels fit whatever stack there is already."""

    def __init__(self) -> None:
        self._collisions = Collisions()

    def value(self, data: Any, depth: int) -> Any:
        kind: Any = type(data)
        if kind is str:
            return _unicode(data)
        if kind in _ATOMS:
            return data
        tag = ""
        if kind is dict:
            if not is_tag(data):
                return self._map(data, depth)
            [(tag, data)] = data.items()
            if tag == "$dict":
                return self._dict(data, depth)
            if tag not in _SEQUENCES:
                return _scalar(tag, data)
            kind = _SEQUENCES[tag]
        elif kind not in (list, tuple, set, frozenset):
            raise _Wrong(kind.__name__, _PLAIN)
        items = self._items(data, depth, tag)
        if tag and kind is not tuple:
            self._check_hashes(items, tag)
        return items if kind is list else kind(items)

    def _items(self, data: Any, depth: int, tag: str) -> list[Any]:
        built: list[Any] = []
        step = ""
        try:
            if tag and type(data) not in (list, tuple):
                raise _Wrong(type(data).__name__, "expected a list")
            _check_depth(data, depth)
            if _ATOMS.issuperset(map(type, data)):
                return list(data)
            for each in data:
                step = f"[{len(built)}]"
                built.append(self.value(each, depth + 1))
        except _Wrong as wrong:
            wrong.steps += (step, _step(tag) if tag else "")
            raise
        return built

    def _map(self, data: dict[Any, Any], depth: int) -> dict[Any, Any]:
        _check_depth(data, depth)
        built: dict[Any, Any] = {}
        key: Any = None
        try:
            for key, each in data.items():
                built[self.value(key, depth + 1)] = self.value(each, depth + 1)
        except _Wrong as wrong:
            wrong.steps.append(_step(key))
            raise
        return built

    def _dict(self, pairs: Any, depth: int) -> dict[Any, Any]:
        keys: list[Any] = []
        values: list[Any] = []
        step = ""
        try:
            if type(pairs) not in (list, tuple):
                raise _Wrong(type(pairs).__name__, "expected a list of [key, value]")
            _check_depth(pairs, depth)
            for pair in pairs:
                step = f"[{len(values)}]"
                if type(pair) not in (list, tuple) or len(pair) != 2:
                    raise _Wrong(type(pair).__name__, "expected [key, value]")
                keys.append(self.value(pair[0], depth + 1))
                values.append(self.value(pair[1], depth + 1))
        except _Wrong as wrong:
            wrong.steps += (step, ".$dict")
            raise
        self._check_hashes(keys, "$dict")
        return dict(zip(keys, values, strict=True))

    def _check_hashes(self, items: list[Any], tag: str) -> None:
        try:
            self._collisions.check(items)
            if len(set(items)) == len(items):
                return
            wrong = _Wrong(len(items), "some of them are equal in Python, as 1, 1.0 and True are")
        except TypeError as error:
            wrong = _Wrong(str(error), "lists, sets and dicts cannot be in a set, or be a key")
        except TooManyCollisions:
            wrong = _Wrong(len(items), "too many of them have the same hash")
        wrong.steps.append(_step(tag))
        raise wrong


def _scalar(tag: str, inner: Any) -> object:
    resolve = _SCALARS.get(tag)
    if resolve is None:
        key = json.dumps(tag[:_SHOWN_CHARS])
        raise _Wrong(tag[:_SHOWN_CHARS], f'no tag: a map with this one key is written {{"$dict": [[{key}, ...]]}}')
    try:
        return resolve(inner)
    except _Wrong as wrong:
        wrong.steps.append(_step(tag))
        raise


def _bytes(inner: Any) -> bytes:
    try:
        return base64.b64decode(_text(inner, "base64 text"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Wrong(_cut(inner), f"not base64: {error}") from None


def _int(inner: Any) -> int:
    text = _text(inner, "an integer as text")
    if not _INTEGER.fullmatch(text):
        raise _Wrong(_cut(text), 'expected "0x..." or at most 4,300 decimal digits')
    try:
        return int(text, 16 if "x" in text else 10)
    except ValueError as error:  # a process may have set itself a lower limit of digits
        raise _Wrong(_cut(text), str(error)) from None


def _float(inner: Any) -> float:
    if type(inner) is not str or inner not in _FLOATS:
        raise _Wrong(_cut(inner), 'expected "nan", "inf" or "-inf"; any other is a number')
    return float(inner)


def _complex(inner: Any) -> complex:
    if type(inner) not in (list, tuple) or len(inner) != 2:
        raise _Wrong(type(inner).__name__, "expected [re, im]")
    # complex(inf, nan) keeps its parts; inf + nan * 1j would not.
    return complex(_part(inner[0]), _part(inner[1]))


def _part(part: Any) -> float:
    if type(part) is dict and part.keys() == {"$float"}:
        return _float(part["$float"])
    try:
        if type(part) in (int, float):
            return float(part)
    except OverflowError:
        pass
    raise _Wrong(type(part).__name__, "expected a number")


_SEQUENCES: Final = {"$tuple": tuple, "$set": set, "$frozenset": frozenset}
_SCALARS: Final[dict[str, Callable[[Any], object]]] = {
    "$bytes": _bytes,
    "$int": _int,
    "$float": _float,
    "$complex": _complex,
}


def _unicode(text: str) -> str:
    if not is_unicode(text):
        raise _Wrong(_cut(text), _NOT_UNICODE)
    return text


def _check_depth(data: object, depth: int) -> None:
    if depth == MAX_DEPTH:
        raise _Wrong(type(data).__name__, f"nested deeper than {MAX_DEPTH}")


def _text(inner: Any, what: str) -> str:
    if type(inner) is not str:
        raise _Wrong(type(inner).__name__, f"expected {what}")
    return inner


def _cut(value: object) -> str:
    return value[:_SHOWN_CHARS] if isinstance(value, str) else type(value).__name__


def _step(key: Any) -> str:
    if type(key) is not str:
        return f"[{key}]" if type(key) is int and abs(key) < 1 << 64 else f"[{type(key).__name__}]"
    if len(key) <= _SHOWN_CHARS and key.removeprefix("$").isidentifier() and key.isascii():
        return f".{key}"
    return f"[{key[:_SHOWN_CHARS]!a}]"
