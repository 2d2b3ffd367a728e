"""What a connection of the HTTP face makes of bytes, in whatever pieces and order they come."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine.config.server import ServerConfig
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, Marked, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

PING = b"GET /v1/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
BAD_LINE = b"\x00\x01 nonsense\r\n\r\n"


def post(content: object, path: str = "/v1/run", *more: str) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *more, "", ""]
    return "\r\n".join(lines).encode() + body


def score(number: int) -> bytes:
    return post({"id": number, "kind": "math", "completion": "1", "reference": "1"}, "/v1/score")


class Http:
    """A client that sends what it likes and reads answers one by one."""

    def __init__(self, daemon: Daemon) -> None:
        self.socket = daemon.http_connect()
        self.stream = self.socket.makefile("rb")

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stream.close()
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def head(self) -> tuple[int, dict[str, str]]:
        line = self.stream.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers = {}
        while (field := self.stream.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode().partition(": ")
            headers[name] = value.strip()
        return int(line.split()[1]), headers

    def answer(self) -> tuple[int, Any]:
        status, headers = self.head()
        body = self.stream.read(int(headers["content-length"]))
        return status, json.loads(body) if headers["content-type"] == "application/json" else body.decode()

    def ended(self) -> bool:
        try:
            return self.stream.read(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def http(daemon: Daemon) -> Iterator[Http]:
    with Http(daemon) as client:
        yield client


@no_slot_in_it
def test_pipelined_requests_are_answered_in_order(http: Http) -> None:
    http.send(b"".join(map(score, range(500))))
    assert [http.answer()[1]["id"] for _ in range(500)] == list(range(500))


@no_slot_in_it
def test_a_request_may_come_byte_by_byte(http: Http) -> None:
    whole = score(7) + PING
    http.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    http.send(*(whole[place : place + 1] for place in range(len(whole))))
    assert http.answer()[1]["id"] == 7
    assert http.answer() == (200, "pong")


@no_slot_in_it
def test_a_slow_answer_is_not_overtaken(http: Http) -> None:
    http.send(post({"source": "import time; time.sleep(0.3); print(1)"}) + PING + b"nonsense\r\n\r\n")
    assert http.answer()[1]["stdout"] == "1\n"
    assert http.answer() == (200, "pong")
    assert http.answer()[0] == 400
    assert http.ended()


@no_slot_in_it
def test_a_chunked_body_with_extensions_and_trailers(http: Http) -> None:
    body = json.dumps({"source": "print(1)"}).encode()
    head = b"POST /v1/run HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"1;note=x\r\n%c\r\n" % byte for byte in body)
    for _ in range(2):
        http.send(head, chunks, b"0\r\nHost: evil.example\r\nX: y\r\n\r\n")
        assert http.answer()[1]["stdout"] == "1\n"


@no_slot_in_it
def test_trailers_have_an_end(http: Http) -> None:
    head = b"POST /v1/run HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        http.send(head, *[b"X: " + b"y" * 1000 + b"\r\n"] * 10_000)


@no_slot_in_it
def test_who_waits_for_100_continue_gets_it_in_its_turn(http: Http) -> None:
    asks = post({"source": "print(1)"}, "/v1/run", "Expect: 100-continue")
    head, body = asks.split(b"\r\n\r\n")
    http.send(head + b"\r\n\r\n")
    assert http.head() == (100, {})
    http.send(body)
    assert http.answer()[1]["stdout"] == "1\n"
    http.send(PING + head + b"\r\n\r\n")
    assert http.answer() == (200, "pong")
    assert http.head() == (100, {})
    http.send(body + asks)
    assert [http.answer()[1]["stdout"], http.answer()[1]["stdout"]] == ["1\n", "1\n"]


@no_slot_in_it
@pytest.mark.parametrize(
    ("path", "more", "status"),
    [("/nowhere", (), 404), ("/v1/run", ("Origin: http://evil.example",), 403), ("/v1/ping", (), 405)],
)
def test_who_is_refused_is_not_asked_for_a_body(http: Http, path: str, more: tuple[str, ...], status: int) -> None:
    head, _ = post(b"x" * 100, path, "Expect: 100-continue", *more).split(b"\r\n\r\n")
    http.send(head + b"\r\n\r\n")
    assert http.answer()[0] == status
    assert http.ended()


@no_slot_in_it
def test_an_answer_arrives_though_the_body_was_not_read(daemon: Daemon) -> None:
    for content, status in ((b"x" * 40_000_000, 413), (b"x" * 8_000_000, 404)):
        with Http(daemon) as client:
            client.send(post(content, "/v1/run" if status == 413 else "/nowhere"))
            got, headers = client.head()
            assert (got, headers["connection"]) == (status, "close")


@no_slot_in_it
def test_head_has_the_length_and_no_body(http: Http) -> None:
    http.send(PING.replace(b"GET", b"HEAD") + PING)
    status, headers = http.head()
    assert (status, headers["content-length"]) == (200, "6")
    assert http.answer() == (200, "pong")


@no_slot_in_it
def test_405_says_what_is_allowed(http: Http) -> None:
    http.send(b"GET /v1/run HTTP/1.1\r\nHost: localhost\r\n\r\n" + PING)
    status, headers = http.head()
    assert (status, headers["allow"]) == (405, "POST")


@no_slot_in_it
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        post(b"{}", "/v1/run", "Transfer-Encoding: chunked"),
        post(b"{}", "/v1/run", "Content-Length: 3"),
        post(b"").replace(b"Content-Length: 0", b"Content-Length: -1"),
        b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /health\xffz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        BAD_LINE,
    ],
)
def test_what_could_be_read_in_two_ways_is_400_and_the_end(http: Http, request_bytes: bytes) -> None:
    http.send(request_bytes)
    assert http.answer()[0] == 400
    assert http.ended()


@no_slot_in_it
@pytest.mark.parametrize(
    "request_bytes",
    [
        PING.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        PING.replace(b"1.1", b"1.0"),
        PING.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
        PING.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ],
)
def test_who_wants_one_answer_gets_one(http: Http, request_bytes: bytes) -> None:
    http.send(request_bytes + PING)
    status, headers = http.head()
    assert (status, headers["connection"]) == (200, "close")
    assert http.stream.read() == b'"pong"'


@no_slot_in_it
def test_a_path_may_end_in_a_slash_and_be_a_whole_url(http: Http) -> None:
    http.send(PING.replace(b"/v1/ping", b"/v1/ping/") + PING.replace(b"/v1/ping", b"http://localhost/v1/%70ing?x=1"))
    assert [http.answer(), http.answer()] == [(200, "pong")] * 2


@no_slot_in_it
def test_a_head_that_does_not_come_ends(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nrequest_seconds = 0.5\n")
    with Http(daemon) as client:
        client.send(PING + PING[:20])
        assert client.answer() == (200, "pong")
        began = time.monotonic()
        for place in range(20, 24):
            time.sleep(0.1)
            client.send(PING[place : place + 1])
        status, said = client.answer()
        assert status == 408
        assert "server.request_seconds" in said["error"]["message"]
        assert client.ended()
        assert 0.3 < time.monotonic() - began < 2
    daemon.stop()


@no_slot_in_it
def test_an_idle_connection_ends_after_its_time_and_not_before(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nkeep_alive_seconds = 2\n")
    with Http(daemon) as client, Http(daemon) as silent:
        began = time.monotonic()
        for _ in range(5):
            client.send(PING)
            assert client.answer() == (200, "pong")
            time.sleep(0.45)
        client.send(post({"source": "import time; time.sleep(2.3)"}))
        assert client.answer()[0] == 200
        assert silent.ended()
        assert client.ended()
        assert 6.4 < time.monotonic() - began < 15
    daemon.stop()


def test_connections_are_kept_longer_than_any_pool_keeps_them() -> None:
    # httpx 5 s, aiohttp 15 s, nginx 60 s, Go's client 90 s, Google's load balancers 600 s.
    assert ServerConfig().keep_alive_seconds > 600


@no_slot_in_it
async def test_a_pool_never_meets_a_closed_connection(daemon: Daemon) -> None:
    item = {"kind": "math", "completion": "1", "reference": "1"}
    limits = httpx.Limits(max_connections=8, keepalive_expiry=600)
    async with httpx.AsyncClient(base_url=str(daemon.http), limits=limits, trust_env=False) as client:
        for _ in range(300):
            # Every end that leaves the connection as it was.
            assert (await client.post("/v1/score", json=item)).status_code == 200
            assert (await client.post("/v1/score", json={})).status_code == 422
            assert (await client.get("/nowhere")).status_code == 404
            assert (await client.get("/v1/run")).status_code == 405
            answer = await client.post("/run_code", json={"code": 1})
            assert (answer.status_code, answer.headers.get("connection")) == (422, None)
    assert 'assay_connections{face="http"} 1\n' in daemon.get("/metrics")[1]


# The second are more than are read.
@pytest.mark.parametrize("count", [2, 20])
def test_a_disconnect_is_seen_behind_pipelined_requests(daemon: Daemon, marked: Marked, count: int) -> None:
    with Http(daemon) as client:
        client.send(post({"source": marked.source, "language": "bash"}) + PING * count)
        time.sleep(0.05)
        # Behind what is not read, too.
        client.send(PING)
        marked.wait_alive()
    marked.wait_dead()
