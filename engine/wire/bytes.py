"""Bytes in maps: text under their own name, or base64 under `NAME_base64` where they are not UTF-8."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from engine.errors import BadInput
from engine.wire.decode import unicode

_AS_THEY_ARE: Final = frozenset({str, int, float, bool, type(None)})


def with_bytes(fields: dict[str, Any], *, names: tuple[str, ...], maps: tuple[str, ...]) -> dict[str, Any]:
    """A copy where each of `names`, and each value of each of `maps`, is bytes: from text, bytes or `NAME_base64`."""
    joined = dict(fields)
    for name in names:
        if name in joined:
            joined[name] = _bytes_of(name, joined[name])
        if f"{name}_base64" in joined:
            if name in joined:
                raise BadInput(f"{name}_base64", joined[f"{name}_base64"], f"given beside {name!r}: expected only one")
            joined[name] = _bytes_of_base64(f"{name}_base64", joined.pop(f"{name}_base64"))
    for name in maps:
        plain, coded = joined.get(name, {}), joined.pop(f"{name}_base64", {})
        for field, value in ((name, plain), (f"{name}_base64", coded)):
            if not isinstance(value, dict):
                raise BadInput(field, value, "expected a map from name to content")
        content = {key: _bytes_of(f"{name}.{key}", value) for key, value in plain.items()}
        content.update((key, _bytes_of_base64(f"{name}_base64.{key}", value)) for key, value in coded.items())
        if content:
            joined[name] = content
    return joined


def _bytes_of(field: str, value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise BadInput(field, value, "expected text or bytes")
    return unicode(value, field)


def _bytes_of_base64(field: str, value: object) -> bytes:
    if not isinstance(value, str):
        raise BadInput(field, value, "expected base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(field, value, f"not base64: {error}") from None


def json_ready(value: Any) -> Any:
    """A copy in which bytes under a key are text, or base64 under `KEY_base64` where they are not UTF-8."""
    if isinstance(value, (list, tuple)):
        return [json_ready(each) for each in value]
    if not isinstance(value, dict):
        return value
    ready: dict[str, Any] = {}
    for key, each in value.items():
        # Most of an answer are numbers and text.
        if type(each) in _AS_THEY_ARE:
            ready[key] = each
        elif isinstance(each, bytes):
            _put_bytes(ready, key, each)
        elif isinstance(each, dict) and each and all(isinstance(content, bytes) for content in each.values()):
            texts = {name: text for name, content in each.items() if (text := _text_of(content)) is not None}
            ready[key] = texts
            if len(texts) < len(each):
                ready[f"{key}_base64"] = {name: _base64_of(each[name]) for name in each if name not in texts}
        else:
            ready[key] = json_ready(each)
    return ready


def _put_bytes(ready: dict[str, Any], key: str, content: bytes) -> None:
    text = _text_of(content)
    if text is None:
        ready[f"{key}_base64"] = _base64_of(content)
    else:
        ready[key] = text


def _text_of(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()
