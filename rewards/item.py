"""What every kind of item is checked for."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from engine.errors import BadInput
from engine.wire.decode import to_struct, unicode

_T = TypeVar("_T")
_MAX_MARKER_CHARS: Final = 100


def checked(item: dict[str, Any], kind: type[_T], without: str = "") -> _T:
    """The item as a `kind`, its texts being Unicode; raises BadInput."""
    fields = to_struct({name: value for name, value in item.items() if name != without}, kind)
    for name in ("completion", "answer", "question", "reference"):
        value = item.get(name)
        if isinstance(value, str):
            unicode(value, name)
    return fields


def check_marker(marker: str | None) -> None:
    """Raise BadInput for an `answer_pattern` that marks nothing."""
    if marker is not None and not (marker.strip() and len(marker) <= _MAX_MARKER_CHARS and "\n" not in marker):
        message = f"expected the literal text before the answer: one line, at most {_MAX_MARKER_CHARS} characters"
        raise BadInput("answer_pattern", marker, message)
