"""Plain data on its way out: tagged JSON, rebuilt as exact builtins and fractions.

Whatever a program writes, decoding is linear, bounded and ends in a value or in a problem.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

import msgspec

from engine.harness.drivers.encoding import MAX_DEPTH, MAX_RATIO_BITS
from engine.wire.collisions import Collisions

MAX_ANSWER_BYTES: Final = 4 << 20
HEADER_BYTES: Final = 4
# A sign and a whole number of digits: more take no part in arithmetic that is not linear.
_RATIO_CHARS: Final = MAX_RATIO_BITS // 4 + 2
NO_ANSWER: Final = "no answer on the channel"


class _Broken(Exception):
    """The frame is not one that the driver writes."""


def decode_answer(channel: bytes) -> tuple[object, str | None]:
    """The returned value and None, or msgspec.UNSET and the problem; never raises, linear in the size."""
    if not channel:
        return msgspec.UNSET, NO_ANSWER
    if len(channel) > MAX_ANSWER_BYTES:
        return msgspec.UNSET, f"the answer is larger than {MAX_ANSWER_BYTES} bytes"
    if len(channel) < HEADER_BYTES or int.from_bytes(channel[:HEADER_BYTES], "big") != len(channel) - HEADER_BYTES:
        return msgspec.UNSET, "the channel holds something else than one whole answer"
    try:
        answer = _parse(channel[HEADER_BYTES:])
        if "returned" in answer:
            return _Builder().build(answer["returned"], 0), None
        for key, words in (("raised", "raised"), ("cannot_cross", "the returned value cannot cross:")):
            if isinstance(answer.get(key), str):
                return msgspec.UNSET, f"{words} {answer[key][:1100]}"
    # ValueError and TypeError: bad JSON, bad numbers, unhashable keys. MemoryError is ours and goes on.
    except (_Broken, ValueError, TypeError, RecursionError, OverflowError):
        pass
    return msgspec.UNSET, "the answer on the channel does not decode"


def _parse(body: bytes) -> dict[str, Any]:
    answer = json.loads(body.decode("ascii"), parse_int=_small_int, parse_constant=_no_constant)
    if not isinstance(answer, dict) or len(answer) != 1:
        raise _Broken
    return answer


def _small_int(text: str) -> int:
    # Longer ones come in hexadecimal: decimal text takes quadratic time.
    if len(text) > 17:
        raise _Broken
    return int(text)


def _no_constant(text: str) -> float:
    raise _Broken(text)


class _Builder:
    """Rebuilds one answer."""

    def __init__(self) -> None:
        self._collisions = Collisions()

    def build(self, node: Any, depth: int) -> Any:
        if isinstance(node, list):
            return self._items(node, depth)
        if not isinstance(node, dict):
            return node
        if len(node) != 1:
            raise _Broken
        [(tag, inner)] = node.items()
        rebuild = _TAGS.get(tag)
        if rebuild is None:
            raise _Broken
        return rebuild(self, inner, depth)

    def _items(self, inner: Any, depth: int) -> list[Any]:
        if not isinstance(inner, list) or depth == MAX_DEPTH:
            raise _Broken
        return [self.build(item, depth + 1) for item in inner]

    def _tuple(self, inner: Any, depth: int) -> tuple[Any, ...]:
        return tuple(self._items(inner, depth))

    def _set(self, inner: Any, depth: int) -> set[Any]:
        return set(self._hashable(self._items(inner, depth)))

    def _frozenset(self, inner: Any, depth: int) -> frozenset[Any]:
        return frozenset(self._hashable(self._items(inner, depth)))

    def _dict(self, inner: Any, depth: int) -> dict[Any, Any]:
        if not isinstance(inner, list) or depth == MAX_DEPTH:
            raise _Broken
        keys, values = [], []
        for pair in inner:
            if not isinstance(pair, list) or len(pair) != 2:
                raise _Broken
            keys.append(self.build(pair[0], depth + 1))
            values.append(self.build(pair[1], depth + 1))
        return dict(zip(self._hashable(keys), values, strict=True))

    def _hashable(self, items: list[Any]) -> list[Any]:
        self._collisions.check(items)
        return items

    def _bytes(self, inner: Any, depth: int) -> bytes:
        return bytes.fromhex(_text(inner))

    def _int(self, inner: Any, depth: int) -> int:
        return int(_text(inner), 16)

    def _float(self, inner: Any, depth: int) -> float:
        if inner not in ("nan", "inf", "-inf"):
            raise _Broken
        return float(inner)

    def _fraction(self, inner: Any, depth: int) -> Fraction:
        if not isinstance(inner, list) or len(inner) != 2 or any(len(_text(part)) > _RATIO_CHARS for part in inner):
            raise _Broken
        numerator, denominator = (int(part, 16) for part in inner)
        if denominator <= 0:
            raise _Broken
        return Fraction(numerator, denominator)

    def _complex(self, inner: Any, depth: int) -> complex:
        if not isinstance(inner, list) or len(inner) != 2:
            raise _Broken
        parts = [self.build(part, depth + 1) if isinstance(part, dict) else part for part in inner]
        if not all(isinstance(part, float) for part in parts):
            raise _Broken
        # complex(inf, nan) keeps its parts; inf + nan * 1j would not.
        return complex(parts[0], parts[1])


def _text(inner: Any) -> str:
    if not isinstance(inner, str):
        raise _Broken
    return inner


_TAGS: Final[dict[str, Callable[[_Builder, Any, int], Any]]] = {
    "t": _Builder._tuple,
    "s": _Builder._set,
    "z": _Builder._frozenset,
    "d": _Builder._dict,
    "b": _Builder._bytes,
    "i": _Builder._int,
    "f": _Builder._float,
    "c": _Builder._complex,
    "q": _Builder._fraction,
}
