"""Bytes to plain data to structs, with errors that name the field: nothing here knows a request."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, TypeVar

import msgspec

from engine.errors import BadInput

_T = TypeVar("_T")
_NOT_UNICODE: Final = "lone surrogates or broken UTF-8: not Unicode text"


def decode_json(body: bytes) -> Any:
    """The data in a JSON text; NaN, Infinity and -Infinity may stand in it, as Python writes them; raises BadInput."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise BadInput("body", body, "nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # msgspec says only that it is broken; the lenient parser takes Python's constants and lets the field be named.
        try:
            data = json.loads(body.decode("utf-8", "surrogatepass"), parse_float=_float, parse_int=_int)
        except (ValueError, RecursionError):
            raise BadInput("body", body, f"not JSON: {error}") from None
    check_text(data)
    return data


class _Unreadable:
    """A number that cannot be taken as it is written; only where it stands is left to be found."""

    def __init__(self, text: str, message: str) -> None:
        self.text = text[:40]
        self.message = message


def _float(text: str) -> float | _Unreadable:
    number = float(text)
    return _Unreadable(text, "beyond every float") if math.isinf(number) else number


def _int(text: str) -> int | _Unreadable:
    try:
        return int(text)
    except ValueError:
        return _Unreadable(text, f'of {len(text):,} digits: in the values of call tests such are {{"$int": "0x..."}}')


def check_text(data: object, field: str = "") -> None:
    """Raises BadInput if some text in `data`, which stands in `field`, is not Unicode, naming its own field."""
    broken = _broken(data, field)
    if broken is not None:
        raise broken


def unicode(text: str, field: str) -> bytes:
    """The text as UTF-8; raises BadInput for lone surrogates."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadInput(field, text, "lone surrogates: not Unicode text") from None


def _broken(data: object, field: str) -> BadInput | None:
    pending: list[tuple[str, Any]] = [(field, data)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending += [(f"{path}.{key}" if path else str(key), each) for key, each in value.items()]
            pending += [(path or "request", key) for key in value]
        elif isinstance(value, list | tuple):
            pending += [(f"{path}[{index}]", each) for index, each in enumerate(value)]
        elif isinstance(value, _Unreadable):
            return BadInput(path if path and is_unicode(path) else "body", value.text, value.message)
        elif isinstance(value, str) and not is_unicode(value):
            return BadInput(path if path and is_unicode(path) else "request", value, _NOT_UNICODE)
    return None


def is_unicode(text: str) -> bool:
    """Whether `text` has no lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def decode_msgpack(body: bytes) -> Any:
    """The data in a MessagePack text; raises BadInput."""
    try:
        return msgspec.msgpack.decode(body)
    except RecursionError:
        raise BadInput("frame", body, "nested too deeply") from None
    except UnicodeDecodeError:
        raise BadInput(_field_with_broken_text(body), None, _NOT_UNICODE) from None
    except (msgspec.DecodeError, TypeError) as error:
        raise BadInput("frame", body, f"not MessagePack: {error}") from None


def _field_with_broken_text(body: bytes | msgspec.Raw) -> str:
    path: list[str] = []
    while True:
        try:
            fields = msgspec.msgpack.decode(body, type=dict[str, msgspec.Raw])
            broken = next((name, raw) for name, raw in fields.items() if not _is_text(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, StopIteration):
            return ".".join(path) or "frame"
        path.append(broken[0])
        body = broken[1]


def _is_text(raw: msgspec.Raw) -> bool:
    try:
        msgspec.msgpack.decode(raw)
    except UnicodeDecodeError:
        return False
    return True


_PLACE: Final = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`$")
_NAMED: Final = re.compile(r"(?:missing required|contains unknown) field `(?P<name>[^`]*)`")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def to_struct(data: object, kind: type[_T], *, strict: bool = True) -> _T:
    """`data` as a `kind`; raises BadInput with the dotted path and the value that stood there."""
    try:
        return msgspec.convert(data, kind, strict=strict, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        wrong = _bad_input(str(error), data)
        if isinstance(error.__cause__, BadInput):
            # A struct knows its own name, not the field that it stands in.
            leaf = error.__cause__.field.rpartition(".")[2]
            place = wrong.field if wrong.field != "request" else ""
            field = f"{place}.{leaf}" if place else leaf
            raise BadInput(field, error.__cause__.value, error.__cause__.message) from None
        raise wrong from None


def _bad_input(text: str, data: object) -> BadInput:
    place = _PLACE.search(text)
    message = text[: place.start()] if place else text
    steps = _STEP.findall(place["path"]) if place else []
    if named := _NAMED.search(message):
        steps.append((named["name"], ""))
        message = "required" if "missing" in message else "unknown field"
    field = ""
    for name, index in steps:
        field += f"[{index}]" if index else f".{name}" if field else name
        if isinstance(data, dict):
            data = data.get(name)
        elif isinstance(data, list | tuple) and index.isdigit():
            data = data[int(index)]
        else:
            data = None
    return BadInput(field or "request", data, message[:1].lower() + message[1:])
