"""Frames: a u32 big-endian length, then that many bytes of MessagePack."""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from engine.errors import BadInput
from engine.wire.decode import check_text

_LENGTH: Final = struct.Struct(">I")
_MOST_BYTES: Final = (1 << 32) - 1
_MAX_DEPTH: Final = 1000


def encode_frame(message: object) -> bytes:
    """One frame; raises BadInput, naming the field, for what MessagePack cannot carry."""
    try:
        body = msgspec.msgpack.encode(message)
    except (OverflowError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, UnicodeEncodeError):
            check_text(message)
        field, value = _culprit(message)
        raise BadInput(field, value, f"MessagePack cannot carry it: {str(error) or type(error).__name__}") from None
    if len(body) > _MOST_BYTES:
        raise BadInput("frame", len(body), f"longer than the {_MOST_BYTES} bytes of a frame")
    return _LENGTH.pack(len(body)) + body


def _culprit(message: object) -> tuple[str, object]:
    pending: list[tuple[str, object, int]] = [("", message, 0)]
    while pending:
        path, value, depth = pending.pop()
        if depth > _MAX_DEPTH:
            break
        if isinstance(value, dict):
            pending += [(_below(path, key), each, depth + 1) for key, each in value.items()]
            pending += [(path, key, depth + 1) for key in value]
        elif isinstance(value, list | tuple | set | frozenset):
            pending += [(f"{path}[{index}]", each, depth + 1) for index, each in enumerate(value)]
        elif not _encodes(value):
            return path or "frame", value
    return "frame", None


def _below(path: str, key: object) -> str:
    name = key if isinstance(key, str) else type(key).__name__
    return f"{path}.{name}" if path else name


def _encodes(value: object) -> bool:
    try:
        msgspec.msgpack.encode(value)
    except (OverflowError, TypeError, ValueError, RecursionError):
        return False
    return True


class FrameBuffer:
    """Cuts a byte stream into frame bodies; `cap` is the largest body in bytes."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what has arrived."""
        self._bytes += data

    def next_body(self) -> bytes | None:
        """The next whole frame's body, or None; raises BadInput, naming the cap, once a too long one is announced."""
        if len(self._bytes) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._bytes)
        if length > self._cap:
            raise BadInput("frame", length, f"longer than the cap of {self._cap} bytes (request_bytes)")
        end = _LENGTH.size + length
        if len(self._bytes) < end:
            return None
        body = bytes(self._bytes[_LENGTH.size : end])
        del self._bytes[:end]
        return body

    @property
    def waiting_bytes(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return len(self._bytes)
