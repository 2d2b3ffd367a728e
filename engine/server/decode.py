"""Request bodies to plain data: the large ones in a thread, piece by piece, so that no other client waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from engine.flow import ON_THE_LOOP_BYTES
from engine.pieces import json_in_pieces, msgpack_in_pieces
from engine.wire.decode import decode_json, decode_msgpack


def json_body(body: bytes) -> Any:
    """The data in a JSON text; raises BadInput."""
    return _decoded(body, json_in_pieces, decode_json)


def msgpack_body(body: bytes) -> Any:
    """The data in a MessagePack text; raises BadInput."""
    return _decoded(body, msgpack_in_pieces, decode_msgpack)


def _decoded(body: bytes, in_pieces: Callable[[bytes], Any], at_once: Callable[[bytes], Any]) -> Any:
    if len(body) > ON_THE_LOOP_BYTES:
        try:
            return in_pieces(body)
        except (ValueError, TypeError, RecursionError, msgspec.DecodeError):
            # Whole it is decoded again to say what is wrong with it, and where.
            pass
    return at_once(body)
