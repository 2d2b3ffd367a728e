"""Decoding piece by piece is decoding."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import pieces
from engine.pieces import json_in_pieces, msgpack_in_pieces

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DATA: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=6),
    max_leaves=60,
)


@pytest.fixture(autouse=True, params=[1, 7, 64], scope="module")
def small_pieces(request: pytest.FixtureRequest) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", request.param)
        yield


@given(DATA, st.sampled_from([None, 1, 3]))
@settings(max_examples=150, deadline=None)
def test_any_json(data: object, indent: int | None) -> None:
    body = msgspec.json.encode(data)
    body = body if indent is None else msgspec.json.format(body, indent=indent)
    assert json_in_pieces(body) == msgspec.json.decode(body) == data


@given(DATA | st.binary(max_size=30) | st.lists(st.binary(max_size=300), max_size=20))
@settings(max_examples=150, deadline=None)
def test_any_messagepack(data: object) -> None:
    assert msgpack_in_pieces(msgspec.msgpack.encode(data)) == data


@given(DATA, st.integers(0, 200), st.sampled_from([b"", b"]", b"}", b",", b'"', b":", b"\\", b"x", b"[", b" 1"]))
@settings(max_examples=200, deadline=None)
def test_a_broken_text_never_becomes_data(data: object, at: int, insert: bytes) -> None:
    whole = msgspec.json.encode(data)
    body = whole[:at] + insert + whole[at + (not insert) :]
    try:
        expected = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, ValueError)):
            json_in_pieces(body)
    else:
        assert json_in_pieces(body) == expected


def test_many_and_large_ones() -> None:
    items = [{"id": number, "text": "x" * (number % 97), "inner": [[number], {}]} for number in range(3000)]
    for data in (items, {"a": items, "b": {"c": items}}, ["y" * 100_000, {"k" * 5000: "z" * 5000}]):
        assert json_in_pieces(msgspec.json.encode(data)) == data
        assert msgpack_in_pieces(msgspec.msgpack.encode(data)) == data


def test_the_last_of_equal_keys_counts_as_ever() -> None:
    body = b'{"a": [1, 2, 3], "b": 1, "a": {"c": 4}}'
    assert json_in_pieces(body) == msgspec.json.decode(body) == {"a": {"c": 4}, "b": 1}
