"""A TOML file into frozen dataclasses; a key that is not known is an error that names it."""

from __future__ import annotations

import dataclasses
import tomllib
import typing
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engine.errors import BadInput

_T = TypeVar("_T")


def load(path: Path, kind: type[_T]) -> _T:
    """The TOML file at `path` as a `kind`, a dataclass whose fields may be dataclasses; raises BadInput or OSError."""
    return from_table(table_of(path), kind)


def table_of(path: Path) -> dict[str, Any]:
    """The TOML file at `path`, decoded; raises BadInput or OSError."""
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput("config", str(path), f"not TOML: {error}") from None


def from_table(table: dict[str, Any], kind: type[_T], place: str = "", base: _T | None = None) -> _T:
    """`base` (or a `kind` of defaults) with what a decoded table says; raises BadInput with the key's dotted path."""
    known = typing.get_type_hints(kind)
    base = kind() if base is None else base
    values: dict[str, Any] = {}
    for key, value in table.items():
        path = f"{place}.{key}" if place else key
        if key not in known:
            raise BadInput(path, value, f"unknown key, known are {', '.join(known)}")
        values[key] = _value(value, known[key], path, getattr(base, key))
    try:
        if isinstance(base, msgspec.Struct):
            return msgspec.structs.replace(base, **values)
        return typing.cast("_T", dataclasses.replace(typing.cast("Any", base), **values))
    except BadInput as error:
        raise _below(place, error) from None


def _value(value: Any, kind: Any, path: str, base: object) -> Any:
    if dataclasses.is_dataclass(base) or isinstance(base, msgspec.Struct):
        if not isinstance(value, dict):
            raise BadInput(path, value, "expected a table")
        return from_table(value, type(base), path, base)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message = str(error)
        raise BadInput(path, value, message[:1].lower() + message[1:]) from None


def _below(place: str, error: BadInput) -> BadInput:
    # Limits name themselves "limits", and the rules of repeats "rules", wherever they stand.
    own = "rules." if place.endswith("repeats") else "limits." if place.endswith(("limits", "ceilings")) else ""
    field = error.field.removeprefix(own)
    return BadInput(f"{place}.{field}" if place else field, error.value, error.message)
