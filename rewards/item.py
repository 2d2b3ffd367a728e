"""What every kind of item is checked for."""

from __future__ import annotations

from typing import Any, TypeVar

from engine.wire.decode import to_struct, unicode

_T = TypeVar("_T")


def checked(item: dict[str, Any], kind: type[_T], without: str = "") -> _T:
    fields = to_struct({name: value for name, value in item.items() if name != without}, kind)
    for name in ("completion", "reference"):
        value = item.get(name)
        if isinstance(value, str):
            unicode(value, name)
    return fields
