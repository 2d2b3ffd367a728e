"""Frames: a u32 big-endian length, then that many bytes of MessagePack."""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from engine.errors import BadInput
from engine.wire.decode import check_text

_LENGTH: Final = struct.Struct(">I")


def encode_frame(message: object) -> bytes:
    """One frame; raises BadInput for text in it that is not Unicode (lone surrogates)."""
    try:
        body = msgspec.msgpack.encode(message)
    except UnicodeEncodeError:
        check_text(message)
        raise
    return _LENGTH.pack(len(body)) + body


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
