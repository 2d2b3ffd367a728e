"""The limits of an item's runs: what its tests expect has to fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.errors import BadInput
from engine.program import Limits
from rewards.code.cases import CallCase, Case, StdinCase
from rewards.code.item import CodeItem

if TYPE_CHECKING:
    from engine.engine import Engine


def limits_of(item: CodeItem, engine: Engine) -> Limits | None:
    """The item's limits, None for the engine's own, with room for twice the largest output that is expected.

    Twice, because a right output may be longer than the one expected (blanks at the ends of lines). Raises BadInput for
    an expected output above the ceiling: no program could pass.
    """
    sizes = [_expected_bytes(case) for case in item.tests]
    largest = max(sizes)
    limits, ceiling = item.limits or engine.limits, engine.ceilings.output_bytes
    if 2 * largest <= limits.output_bytes:
        return item.limits
    if largest > ceiling:
        field = f"tests[{sizes.index(largest)}].expected"
        raise BadInput(field, f"{largest} bytes", f"the ceiling of output_bytes here is {ceiling}")
    return msgspec.structs.replace(limits, output_bytes=max(limits.output_bytes, min(2 * largest, ceiling)))


def _expected_bytes(case: Case) -> int:
    match case:
        case StdinCase(expected=expected, also=also):
            return max(map(len, (expected, *also)))
        case CallCase(expected=expected, also=values):
            return max(map(_answer_bytes, (expected, *values)))
        case _:
            return 0


def _answer_bytes(value: object) -> int:
    """About how long the answer is that a call test's driver writes for the value."""
    size_bytes = 0
    pending = [value]
    while pending:
        each = pending.pop()
        size_bytes += 8
        if isinstance(each, str):
            # Escaped, a character is up to twelve bytes long.
            size_bytes += len(each) if each.isascii() else 12 * len(each)
        elif isinstance(each, bytes):
            size_bytes += 2 * len(each)
        elif isinstance(each, int):
            size_bytes += each.bit_length() // 3
        elif isinstance(each, dict):
            pending += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple | set | frozenset):
            pending += each
        else:
            size_bytes += 24
    return size_bytes
