"""Arguments as marshal data, which the driver reads without importing anything.

Written here and not by `marshal.dumps` alone, which writes each set twice over for each set around it, and keeps
references: a list that stands in two places has to arrive as two, as over every wire.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from typing import Any, Final

from engine.errors import BadInput
from engine.harness.drivers.encoding import MAX_DEPTH

_EXACT: Final = frozenset((type(None), bool, int, float, complex, str, bytes))
_VERSION: Final = 2  # without references
_OPENINGS: Final[dict[Any, bytes]] = {list: b"[", tuple: b"(", set: b"<", frozenset: b">"}
_DICT: Final = b"{"
_DICT_END: Final = b"0"


def marshalled(value: Any, field: str, depth: int = 0) -> bytes:
    """`value` as it goes into the sandbox; raises BadInput unless it is made of exact builtins alone."""
    kind = type(value)
    if kind in _EXACT:
        return marshal.dumps(value, _VERSION)
    if depth == MAX_DEPTH:
        raise BadInput(field, kind.__name__, f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict) and kind is dict:
        if _are_exact(value) and _are_exact(value.values()):
            return marshal.dumps(value, _VERSION)
        parts = [_DICT]
        for key, each in value.items():
            parts += (marshalled(key, field, depth + 1), marshalled(each, field, depth + 1))
        return b"".join((*parts, _DICT_END))
    if isinstance(value, list | tuple | set | frozenset) and kind in _OPENINGS:
        if _are_exact(value):
            return marshal.dumps(value, _VERSION)
        parts = []
        for each in value:
            parts.append(marshalled(each, field, depth + 1))
        if kind in (set, frozenset):
            parts.sort()  # the same order in every process
        return b"".join((_OPENINGS[kind], len(parts).to_bytes(4, "little"), *parts))
    raise BadInput(field, kind.__name__, "expected plain data: numbers, text, bytes, lists, tuples, sets, dicts")


def call_data(call: str, arguments: list[object], in_place: int | None, field: str) -> bytes:
    """The three of them as a tuple; raises BadInput under `field`."""
    parts = [marshalled(each, f"{field}[{index}]") for index, each in enumerate(arguments)]
    items = b"".join((_OPENINGS[list], len(parts).to_bytes(4, "little"), *parts))
    return b"".join((_OPENINGS[tuple], (3).to_bytes(4, "little"), *map(_atom, (call, in_place)), items))


def _atom(value: str | int | None) -> bytes:
    return marshal.dumps(value, _VERSION)


def _are_exact(values: Iterable[object]) -> bool:
    return _EXACT.issuperset(map(type, values))
