"""Plain data across the border: a copy in exact builtins on the way in, a bounded decoder on the way out.

Out comes tagged JSON, rebuilt here as exact builtins; whatever a program writes, decoding is linear, bounded and ends
in a value or in a problem.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec

from engine.errors import BadInput
from engine.harness.drivers.call import MAX_DEPTH

MAX_ANSWER_BYTES: Final = 4 << 20
HEADER_BYTES: Final = 4
# What comparing values with equal hashes may cost while sets and dicts are built, in words of memory.
_MAX_COLLISION_WORK: Final = 20_000_000
_UNCHECKED_ITEMS: Final = 64
NO_ANSWER: Final = "no answer on the channel"

_EXACT: Final = frozenset((type(None), bool, int, float, complex, str, bytes))


def plain(value: object, field: str, depth: int = 0) -> Any:
    """A copy of `value` in exact builtins, as they go into the sandbox; raises BadInput for anything else."""
    kind = type(value)
    if kind in _EXACT:
        return value
    if depth == MAX_DEPTH:
        raise BadInput(field, kind.__name__, f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, list | tuple | set | frozenset) and kind in (list, tuple, set, frozenset):
        return kind(plain(item, field, depth + 1) for item in value)
    if isinstance(value, dict) and kind is dict:
        return {plain(key, field, depth + 1): plain(item, field, depth + 1) for key, item in value.items()}
    raise BadInput(field, kind.__name__, "expected plain data: numbers, text, bytes, lists, tuples, sets, dicts")


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
    """Rebuilds one answer; counts what equal hashes would cost, for they can be made on purpose."""

    def __init__(self) -> None:
        self._collision_work = 0

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
        if len(items) > _UNCHECKED_ITEMS:
            counts: dict[int, int] = {}
            for item in items:
                value = hash(item)
                before = counts.get(value, 0)
                counts[value] = before + 1
                if before:
                    self._collision_work += before * _words(item)
                    if self._collision_work > _MAX_COLLISION_WORK:
                        raise _Broken
        return items

    def _bytes(self, inner: Any, depth: int) -> bytes:
        return bytes.fromhex(_text(inner))

    def _int(self, inner: Any, depth: int) -> int:
        return int(_text(inner), 16)

    def _float(self, inner: Any, depth: int) -> float:
        if inner not in ("nan", "inf", "-inf"):
            raise _Broken
        return float(inner)

    def _complex(self, inner: Any, depth: int) -> complex:
        if not isinstance(inner, list) or len(inner) != 2:
            raise _Broken
        parts = [self.build(part, depth + 1) if isinstance(part, dict) else part for part in inner]
        if not all(isinstance(part, float) for part in parts):
            raise _Broken
        # complex(inf, nan) keeps its parts; inf + nan * 1j would not.
        return complex(parts[0], parts[1])


def _words(item: Any) -> int:
    if isinstance(item, tuple | frozenset):
        return 1 + sum(map(_words, item))
    if isinstance(item, str | bytes):
        return 1 + len(item) // 8
    return 1 + item.bit_length() // 64 if isinstance(item, int) else 1


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
}
