"""Runs inside the sandbox: what the program answered, as encoding.py wrote it, made builtins and fractions again."""

from __future__ import annotations

from _json import make_scanner
from collections.abc import Callable
from typing import Any

from engine.harness.drivers.encoding import MAX_DEPTH

# Not empty once there was one: unlike all else, a ratio cannot be sent back.
ratios_made: list[bool] = []


class _Scanning:
    """The decoder that the scanner asks."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float

    @staticmethod
    def parse_int(text: str) -> int:
        if len(text) > 17:
            raise ValueError(text)
        return int(text)

    @staticmethod
    def parse_constant(text: str) -> float:
        raise ValueError(text)


_scan_once: Callable[[str, int], tuple[Any, int]] = make_scanner(_Scanning())  # type: ignore[arg-type]


def scan(text: str) -> dict[str, Any]:
    """One answer; raises ValueError, RecursionError, StopIteration."""
    value, end = _scan_once(text, 0)
    if end != len(text) or type(value) is not dict or len(value) != 1:
        raise ValueError("not one answer")
    return value


def build(node: Any, depth: int = 0) -> Any:
    """The value that a part of an answer means; raises ValueError, TypeError, KeyError, IndexError, OverflowError."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if type(node) is list:
        return [build(each, depth + 1) for each in node]
    if type(node) is not dict:
        return node
    [(tag, inner)] = node.items()
    return _TAGS[tag](inner, depth + 1)


def _fraction(inner: Any, depth: int) -> Any:
    from fractions import Fraction

    ratios_made.append(True)
    return Fraction(int(inner[0], 16), int(inner[1], 16))


_TAGS: dict[str, Callable[[Any, int], Any]] = {
    "t": lambda inner, depth: tuple([build(each, depth) for each in inner]),
    "s": lambda inner, depth: {build(each, depth) for each in inner},
    "z": lambda inner, depth: frozenset([build(each, depth) for each in inner]),
    "d": lambda inner, depth: {build(key, depth): build(each, depth) for key, each in inner},
    "b": lambda inner, depth: bytes.fromhex(inner),
    "i": lambda inner, depth: int(inner, 16),
    "f": lambda inner, depth: {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}[inner],
    "c": lambda inner, depth: complex(build(inner[0], depth), build(inner[1], depth)),
    "q": _fraction,
}
