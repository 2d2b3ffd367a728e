"""Maths items as they arrive."""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import msgspec

from engine.errors import BadInput
from rewards.completion import Thinking
from rewards.item import checked

_MAX_MARKER_CHARS: Final = 100


class MathItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    r"""A completion whose final answer is compared with `reference`.

    reference         a number, as text or JSON number; as data sets have it, also in a box or after `answer_pattern`
    answer_pattern    the literal text before the answer, which is the rest of its line (`A:`, `####`); None: `\boxed{}`
    thinking          "opened": the prompt opened the thinking, so that without an end of it there is no answer
    """

    completion: str
    reference: str | int | float
    kind: Literal["math"] = "math"
    id: str | int | None = None
    answer_pattern: str | None = None
    thinking: Thinking = "auto"


def math_item(item: dict[str, Any]) -> MathItem:
    """The item, checked; raises BadInput naming the field."""
    fields = checked(item, MathItem)
    if isinstance(fields.reference, float) and not math.isfinite(fields.reference):
        raise BadInput("reference", fields.reference, "expected a finite number or text")
    marker = fields.answer_pattern
    if marker is not None and not (marker.strip() and len(marker) <= _MAX_MARKER_CHARS and "\n" not in marker):
        message = f"expected the literal text before the answer: one line, at most {_MAX_MARKER_CHARS} characters"
        raise BadInput("answer_pattern", marker, message)
    return fields
