from __future__ import annotations

import contextlib
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import BadInput
from engine.wire.frames import FrameBuffer, encode_frame

messages = st.lists(st.dictionaries(st.text(max_size=8), st.binary(max_size=64) | st.integers(-5, 5)), max_size=8)


@given(messages, st.lists(st.integers(1, 40)))
def test_frames_survive_any_cutting_of_the_stream(sent: list[dict[str, object]], cuts: list[int]) -> None:
    stream = b"".join(encode_frame(message) for message in sent)
    buffer = FrameBuffer(1 << 20)
    got = []
    while stream:
        step = cuts.pop() if cuts else len(stream)
        buffer.feed(stream[:step])
        stream = stream[step:]
        while (body := buffer.next_body()) is not None:
            got.append(msgspec.msgpack.decode(body))
    assert got == sent
    assert buffer.waiting_bytes == 0


@given(st.binary(max_size=200))
def test_any_bytes_give_bodies_within_the_cap_or_bad_input(stream: bytes) -> None:
    buffer = FrameBuffer(64)
    buffer.feed(stream)
    with contextlib.suppress(BadInput):
        while (body := buffer.next_body()) is not None:
            assert len(body) <= 64


def test_an_oversized_frame_is_refused_by_its_length_alone_and_after_the_frames_before_it() -> None:
    buffer = FrameBuffer(100)
    buffer.feed(encode_frame({"id": 1}) + struct.pack(">I", 101))
    assert buffer.next_body() == msgspec.msgpack.encode({"id": 1})
    with pytest.raises(BadInput, match="cap of 100 bytes"):
        buffer.next_body()


def test_a_frame_of_exactly_the_cap_passes() -> None:
    frame = encode_frame({"a": "b"})
    buffer = FrameBuffer(len(frame) - 4)
    buffer.feed(frame)
    assert buffer.next_body() == frame[4:]


def test_text_that_is_not_unicode_is_refused_where_it_is_encoded() -> None:
    with pytest.raises(BadInput, match="lone surrogate") as caught:
        encode_frame({"id": 1, "files": {"a": "\ud800"}})
    assert caught.value.field == "files.a"
