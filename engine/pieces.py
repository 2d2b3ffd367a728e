"""Large JSON and MessagePack texts, decoded piece by piece.

A decoder holds Python's lock from its first byte to its last, so that in a thread too it stops everybody else: 30 MiB
take half a second. In pieces of 8 KiB the others get in between.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

import msgspec

PIECE_BYTES: Final = 8 << 10
_LIST, _MAP, _PIECE = 0, 1, 2
_MSGPACK_HEADER: Final = struct.Struct(">BI")
_Row = tuple[int, int, int, int]


def json_in_pieces(body: bytes) -> Any:
    """The data in a JSON text; raises ValueError, or what msgspec raises for one of its pieces."""
    # Imported when it is called: what only asks a daemon must not need it.
    from engine import _native

    def decode(kind: int, piece: bytes, count: int) -> Any:
        return msgspec.json.decode(b"{%b}" % piece if kind == _MAP else b"[%b]" % piece)

    return _assembled(body, _native.cut_json(body, PIECE_BYTES), decode, msgspec.json.decode)


def msgpack_in_pieces(body: bytes) -> Any:
    """The data in a MessagePack text; raises as `json_in_pieces`."""
    from engine import _native

    def decode(kind: int, piece: bytes, count: int) -> Any:
        return msgspec.msgpack.decode(_MSGPACK_HEADER.pack(0xDF if kind == _MAP else 0xDD, count) + piece)

    return _assembled(body, _native.cut_msgpack(body, PIECE_BYTES), decode, msgspec.msgpack.decode)


def _assembled(
    body: bytes, rows: list[_Row], decode: Callable[[int, bytes, int], Any], decode_whole: Callable[[bytes], Any]
) -> Any:
    if not rows:
        return decode_whole(body)
    whole: list[Any] = []
    # Each with its kind; the outermost is a list for the one value that there is.
    opened: list[tuple[int, Any]] = [(_LIST, whole)]
    for kind, start, end, count in rows:
        inside, container = opened[-1]
        if kind == _PIECE:
            piece = decode(inside, body[start:end], count)
            container.update(piece) if inside == _MAP else container.extend(piece)
        elif kind in (_LIST, _MAP):
            new: Any = {} if kind == _MAP else []
            if inside == _MAP:
                container[decode_whole(body[start:end])] = new
            else:
                container.append(new)
            opened.append((kind, new))
        else:
            opened.pop()
    return whole[0]
