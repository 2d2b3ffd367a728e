"""Frames cut, changed, joined, doubled: every client gets errors that name a field, or the end of its stream."""

from __future__ import annotations

import copy
import socket
import struct
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel, no_slot_in_it]

EXAMPLES = 150
MESSAGES: list[dict[str, Any]] = [
    {"op": "hello", "version": 1, "token": "x"},
    {"op": "run", "argv": ["/usr/bin/true"], "stdin": b"\xff", "limits": {"cpu_seconds": 1, "memory_bytes": 1 << 24}},
    {"op": "run", "argv": ["/usr/bin/true"], "collect": ["a"], "deadline_seconds": 1.5},
    {"op": "run", "source": "", "language": "cobol", "files": {"a": "b", "c/d": b"e"}, "files_base64": {"f": "!"}},
    {"op": "score", "item": {"kind": "math", "completion": "\\boxed{42}", "reference": "42"}},
    {"op": "cancel", "target": 1},
    {"op": "stats"},
]
scalars = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | scalars, inner, max_size=4),
    max_leaves=8,
)


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A real request with some of its fields another value, another name, or gone."""
    message: dict[Any, Any] = {
        "id": draw(st.integers(0, 3) | st.text(max_size=3)),
        **copy.deepcopy(draw(st.sampled_from(MESSAGES))),
    }
    for _ in range(draw(st.integers(0, 2))):
        place = message["limits"] if "limits" in message and draw(st.booleans()) else message
        if not isinstance(place, dict) or not place:
            continue
        name = draw(st.sampled_from(sorted(map(str, place))) | st.text(max_size=6))
        if draw(st.booleans()):
            place[name] = draw(values)
        else:
            place.pop(name, None)
    packed: bytes = msgpack.packb(message, unicode_errors="surrogatepass")
    return packed


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """What a client sends before it closes: whole frames, then changes to the bytes of them all."""
    stream = bytearray(b"".join(map(framed, draw(st.lists(bodies() | st.binary(max_size=40), min_size=1, max_size=6)))))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(stream)))
        match draw(st.sampled_from(["cut", "set", "insert", "double", "announce"])):
            case "cut":
                del stream[start : start + draw(st.integers(1, 30))]
            case "set" if start < len(stream):
                stream[start] = draw(st.integers(0, 255))
            case "insert":
                stream[start:start] = draw(st.binary(max_size=8))
            case "double":
                stream[start:start] = stream[start : start + 64]
            case _:
                stream[start:start] = struct.pack(">I", draw(st.sampled_from([0, 1, 0x7FFFFFFF, 0xFFFFFFFF])))
    return bytes(stream)


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(stream=streams(), cuts=st.lists(st.integers(1, 64), max_size=4))
def test_a_stream_of_nonsense_is_answered_and_ends(daemon: Daemon, stream: bytes, cuts: list[int]) -> None:
    with daemon.connect() as client:
        try:
            for cut in cuts:
                client.socket.sendall(stream[:cut])
                stream = stream[cut:]
            client.socket.sendall(stream)
            client.socket.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has said its last words already, and they can be read
        try:
            while (answer := client.receive()) is not None:
                check(answer)
        except ConnectionResetError:
            pass
    with daemon.connect() as client:
        assert client.ask(id=1, op="hello", version=1)["answer"]["protocol"] == 1
    assert "Traceback" not in daemon.log.read_text()


def check(answer: dict[str, Any]) -> None:
    assert isinstance(answer["id"], int | str | None)
    assert ("answer" in answer) != ("error" in answer)
    if "error" in answer:
        error = answer["error"]
        assert error["kind"] in {"bad_input", "overloaded", "sandbox", "cancelled"}
        assert "the daemon failed" not in error["message"]
        assert (error["field"] != "") == (error["kind"] == "bad_input")
