"""What all clients together may hold: bytes of requests, whole or not, and connections."""

from __future__ import annotations

import json
import select
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgpack
import pytest

from tests.server.conftest import RawClient, wait_until
from tests.server.test_http_connection import PING, Http, post
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel, no_slot_in_it]

BOUND = 4_000_000
MOST_OF_IT = 3_000_000
ITEM = {"kind": "math", "completion": "x" * 3_500_000, "reference": "1"}
WHOLE = post(ITEM, "/v1/score")


@pytest.fixture(scope="module")
def tight(start_daemon: StartDaemon) -> Iterator[Daemon]:
    """A daemon that holds one large request and no second, and few connections."""
    daemon = start_daemon(config=f"[server]\nheld_bytes = {BOUND}\nconnections = 4\nrequest_seconds = 2\n", slots=1)
    yield daemon
    daemon.stop()


def frame(request_id: int) -> bytes:
    body: bytes = msgpack.packb({"id": request_id, "op": "score", "item": ITEM})
    return struct.pack(">I", len(body)) + body


def sent(client: RawClient, content: bytes) -> Any:
    client.socket.sendall(content)
    return client.receive()


def test_uploads_that_are_too_much_together_are_refused_as_they_arrive(tight: Daemon) -> None:
    with Http(tight) as one, Http(tight) as other:
        for client in (one, other):
            client.send(WHOLE[:MOST_OF_IT])
        [refused], _, _ = select.select([one.socket, other.socket], [], [], 10)
        told, goes_on = (one, other) if refused is one.socket else (other, one)
        status, headers = told.head()
        assert (status, headers["retry-after"], headers["connection"]) == (504, "1", "close")
        error = json.loads(told.stream.read(int(headers["content-length"])))["error"]
        assert error["kind"] == "overloaded"
        assert "server.held_bytes" in error["message"]
        goes_on.send(WHOLE[MOST_OF_IT:])
        assert goes_on.answer()[1]["reward"] == 0.0


def test_nothing_is_held_of_who_went(tight: Daemon) -> None:
    for _ in range(4):
        with Http(tight) as client:
            client.send(WHOLE[:MOST_OF_IT])
        with tight.connect() as partial:
            partial.socket.sendall(frame(1)[:MOST_OF_IT])
    wait_until(lambda: tight.post("/v1/score", ITEM)[0] == 200)
    with Http(tight) as slow:
        slow.send(WHOLE[:MOST_OF_IT])
        assert slow.answer()[0] == 422
    wait_until(lambda: tight.post("/v1/score", ITEM)[0] == 200)


def test_frames_that_are_too_much_together_are_refused_by_their_ids(tight: Daemon) -> None:
    with tight.connect() as partial, tight.connect() as one, tight.connect() as other, ThreadPoolExecutor() as threads:
        begun = frame(1)
        partial.socket.sendall(begun[:MOST_OF_IT])
        assert "answer" in one.ask(id=0, op="stats")
        for answer in threads.map(sent, (one, other), (frame(2), frame(3))):
            assert answer["id"] in (2, 3)
            assert answer["error"]["kind"] == "overloaded"
            assert "server.held_bytes" in answer["error"]["message"]
        assert sent(partial, begun[MOST_OF_IT:])["answer"]["reward"] == 0.0
        assert sent(one, frame(4))["answer"]["reward"] == 0.0


def test_a_frame_that_comes_in_drops_has_its_time_as_a_whole(tight: Daemon) -> None:
    with tight.connect() as client:
        began = time.monotonic()
        client.socket.sendall(frame(1)[:5])
        while not select.select([client.socket], [], [], 0.2)[0]:
            client.socket.sendall(b"x")
            assert time.monotonic() - began < 5
        assert "server.request_seconds" in client.receive()["error"]["message"]


def test_one_http_connection_too_many_is_told(tight: Daemon) -> None:
    clients = [Http(tight) for _ in range(4)]
    try:
        for client in clients:
            client.send(PING[:9])
        with Http(tight) as refused:
            refused.send(PING)
            status, answer = refused.answer()
            assert (status, answer["error"]["kind"]) == (504, "overloaded")
            assert "server.connections" in answer["error"]["message"]
            assert refused.ended()
        for client in clients:
            client.send(PING[9:])
            assert client.answer() == (200, "pong")
        # All of them are idle now, and the first one has been so for the longest.
        with Http(tight) as served:
            served.send(PING)
            assert served.answer() == (200, "pong")
        assert clients[0].ended()
        clients[1].send(PING)
        assert clients[1].answer() == (200, "pong")
    finally:
        for client in clients:
            client.__exit__()
