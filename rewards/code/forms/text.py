"""Columns that hold a structure as text: JSON, and LiveCodeBench's packed form."""

from __future__ import annotations

import ast
import base64
import binascii
import zlib
from typing import Any, Final

from engine.errors import BadInput
from engine.wire.decode import check_text, decode_json

# Unpacked; the largest rows of LiveCodeBench have about 100 MB of tests.
_MAX_UNPACKED_BYTES: Final = 256 << 20
_MAX_LITERAL_CHARS: Final = 1 << 20

# The opcodes with which Python pickles one text, with the bytes of their argument.
_PROTO, _FRAME, _STOP = b"\x80", b"\x95", b"."
_SKIPPED: Final = {_PROTO: 1, _FRAME: 8, b"q": 1, b"r": 4, b"\x94": 0}
_TEXT_LENGTH_BYTES: Final = {b"\x8c": 1, b"X": 4, b"\x8d": 8}


def structure(value: object, field: str) -> Any:
    """The value, or what its text says: JSON, or a Python literal, as some data sets wrote it; raises BadInput."""
    if not isinstance(value, str):
        return value
    try:
        return decode_json(value.encode())
    except UnicodeEncodeError:
        raise BadInput(field, value, "lone surrogates: not Unicode text") from None
    except BadInput as error:
        message = error.message
    if value.lstrip()[:1] in ("{", "[") and len(value) <= _MAX_LITERAL_CHARS:
        try:
            data = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            pass
        else:
            check_text(data, field)
            return data
    raise BadInput(field, value, message)


def unpacked(value: object, field: str) -> Any:
    """As `structure`, or base64 of zlib of a pickled JSON text, read without pickle; raises BadInput."""
    if not isinstance(value, str) or value.lstrip()[:1] in ("[", "{", ""):
        return structure(value, field)
    try:
        packed = base64.b64decode(value, validate=True)
        inflater = zlib.decompressobj()
        data = inflater.decompress(packed, _MAX_UNPACKED_BYTES)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise BadInput(field, value, f"neither JSON nor base64 of zlib: {error}") from None
    if not inflater.eof:
        raise BadInput(field, value, f"cut off, or more than {_MAX_UNPACKED_BYTES} bytes when unpacked")
    if data[:1] in (b"[", b"{"):
        return structure(data.decode(errors="surrogateescape"), field)
    text = _pickled_text(data)
    if text is None:
        raise BadInput(field, value, "a pickle of anything else than one text is not read: it could run code")
    return structure(text, field)


def _pickled_text(data: bytes) -> str | None:
    """The text that a pickle is of; None if it is of anything else."""
    at, text = 0, None
    while at < len(data):
        code = data[at : at + 1]
        at += 1
        if code == _STOP:
            return text if at == len(data) else None
        if code in _SKIPPED:
            at += _SKIPPED[code]
            continue
        size = _TEXT_LENGTH_BYTES.get(code)
        if size is None or text is not None:
            return None
        start = at + size
        at = start + int.from_bytes(data[at:start], "little")
        if at > len(data):
            return None
        try:
            text = data[start:at].decode()
        except UnicodeDecodeError:
            return None
    return None
