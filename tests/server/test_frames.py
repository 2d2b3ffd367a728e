from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import msgpack
import pytest

from tests.server.conftest import wait_until
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, Marked, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]


def test_answers_come_in_any_order_by_id(daemon: Daemon) -> None:
    with daemon.connect() as client:
        client.send(id="slow", op="run", source="import time; time.sleep(1); print('slow')")
        client.send(id="fast", op="run", source="print('fast')")
        first, second = client.receive(), client.receive()
    assert (first["id"], second["id"]) == ("fast", "slow")
    assert first["answer"]["stdout"] == b"fast\n"
    assert second["answer"]["stdout"] == b"slow\n"
    assert first["answer"]["verdict"] == "ACCEPTED"


def test_stdin_and_files_may_be_text_or_bytes(daemon: Daemon) -> None:
    source = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read() + open('a', 'rb').read())"
    with daemon.connect() as client:
        as_text = client.ask(id=1, op="run", source=source, stdin="1", files={"a": "2"})
        as_bytes = client.ask(id=2, op="run", source=source, stdin=b"\xff", files={"a": b"\xfe"})
    assert as_text["answer"]["stdout"] == b"12"
    assert as_bytes["answer"]["stdout"] == b"\xff\xfe"


@no_slot_in_it
def test_hello_tells_the_version_and_refuses_another(daemon: Daemon) -> None:
    with daemon.connect() as client:
        assert client.ask(id=1, op="hello", version=1)["answer"]["protocol"] == 1
        error = client.ask(id=2, op="hello", version=7)["error"]
    assert error["field"] == "version"
    assert error["value"] == 7
    assert "protocol 1" in error["message"]


@no_slot_in_it
@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"op": "run", "source": ""}, "id"),
        ({"id": 1.5, "op": "run", "source": ""}, "id"),
        ({"id": True, "op": "run", "source": ""}, "id"),
        ({"id": "x" * 1000, "op": "run", "source": ""}, "id"),
        ({"id": 1}, "op"),
        ({"id": 1, "op": "walk"}, "op"),
        ({"id": 1, "op": "run"}, "source"),
        ({"id": 1, "op": "run", "source": 5}, "source"),
        ({"id": 1, "op": "run", "source": "", "language": "cobol"}, "language"),
        ({"id": 1, "op": "run", "source": "", "langauge": "c"}, "langauge"),
        ({"id": 1, "op": "run", "source": "", "files": {"/etc/passwd": ""}}, "files"),
        ({"id": 1, "op": "run", "source": "", "files": {"../x": ""}}, "files"),
        ({"id": 1, "op": "run", "source": "", "collect": ["a/../../b"]}, "collect"),
        ({"id": 1, "op": "run", "source": "", "limits": {"cpu_seconds": 0}}, "limits.cpu_seconds"),
        ({"id": 1, "op": "run", "source": "", "limits": {"cpu_seconds": 1e9}}, "limits.cpu_seconds"),
        ({"id": 1, "op": "run", "source": "", "compile_limits": {"cpus": -1}}, "compile_limits.cpus"),
        ({"id": 1, "op": "score", "item": {"kind": "poem"}}, "kind"),
        ({"id": 1, "op": "score", "item": {"kind": "math"}}, "completion"),
        ({"id": 1, "op": "cancel"}, "target"),
    ],
)
def test_a_wrong_request_names_the_field_and_the_connection_goes_on(
    daemon: Daemon, message: dict[str, Any], field: str
) -> None:
    with daemon.connect() as client:
        error = client.ask(**message)["error"]
        assert error["kind"] == "bad_input"
        assert error["field"] == field
        assert error["message"]
        assert client.ask(id=2, op="run", source="print(1)")["answer"]["stdout"] == b"1\n"


@no_slot_in_it
def test_a_lone_surrogate_names_the_field(daemon: Daemon) -> None:
    with daemon.connect() as client:
        body = msgpack.packb({"id": 1, "op": "run", "source": "\ud800"}, unicode_errors="surrogatepass")
        client.send_body(body)
        answer = client.receive()
    assert answer["error"]["field"] == "source"


@no_slot_in_it
def test_an_id_in_flight_is_refused_and_free_again_after_its_answer(daemon: Daemon) -> None:
    with daemon.connect() as client:
        client.send(id=1, op="run", source="import time; time.sleep(0.5)")
        error = client.ask(id=1, op="run", source="")["error"]
        assert (error["field"], error["value"]) == ("id", 1)
        assert "in flight" in error["message"]
        assert "answer" in client.receive()
        assert "answer" in client.ask(id=1, op="run", source="")


@no_slot_in_it
@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (struct.pack(">I", 1 << 31), "cap of 33554432 bytes"),
        (struct.pack(">I", 3) + b"\xc1\xc1\xc1", "not MessagePack"),
        (struct.pack(">I", 1) + b"\x01", "expected a map"),
        (struct.pack(">I", 0), "not MessagePack"),
        (struct.pack(">I", 100) + b"\x81\xa2id", "truncated"),
        (b"\x00\x00", "truncated"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "cap of 33554432 bytes"),
    ],
    ids=["oversized", "malformed", "not-a-map", "empty", "truncated", "truncated-length", "http"],
)
def test_a_broken_stream_gets_a_clear_error_and_is_closed(daemon: Daemon, stream: bytes, message: str) -> None:
    with daemon.connect() as client:
        client.socket.sendall(stream)
        client.socket.shutdown(socket.SHUT_WR)
        answer = client.receive()
        assert answer["id"] is None
        assert message in answer["error"]["message"]
        assert client.receive() is None
    with daemon.connect() as client:
        assert "answer" in client.ask(id=1, op="stats")


def test_a_cancelled_run_is_answered_and_its_program_dead(daemon: Daemon, marked: Marked) -> None:
    with daemon.connect() as client:
        client.send(id=1, op="run", source=marked.source, language="bash")
        marked.wait_alive()
        client.send(id=2, op="cancel", target=1)
        cancelled, done = client.receive(), client.receive()
        assert cancelled == {"id": 1, "error": {**cancelled["error"], "kind": "cancelled"}}
        assert done == {"id": 2, "answer": {"cancelled": True}}
        marked.wait_dead()
        assert client.ask(id=3, op="cancel", target=1)["answer"] == {"cancelled": False}


def test_a_run_and_its_cancel_in_one_write(daemon: Daemon, marked: Marked) -> None:
    with daemon.connect() as client:
        frames = b""
        for message in (
            {"id": 1, "op": "run", "source": marked.source, "language": "bash"},
            {"id": 2, "op": "cancel", "target": 1},
        ):
            body = msgpack.packb(message)
            frames += struct.pack(">I", len(body)) + body
        client.socket.sendall(frames)
        assert client.receive()["error"]["kind"] == "cancelled"
        assert client.receive()["answer"] == {"cancelled": True}
        marked.wait_dead()


def test_a_disconnect_kills_the_program_within_a_second(daemon: Daemon, marked: Marked) -> None:
    with daemon.connect() as client:
        client.send(id=1, op="run", source=marked.source, language="bash")
        marked.wait_alive()
    marked.wait_dead(1.0)


def test_a_disconnect_takes_waiting_requests_along(start_daemon: StartDaemon, marked: Marked) -> None:
    daemon = start_daemon(slots=1)
    with daemon.connect() as client:
        client.send(id=0, op="run", source=marked.source, language="bash")
        for number in range(1, 500):
            client.send(id=number, op="run", source="import time; time.sleep(3)")
        marked.wait_alive()
    marked.wait_dead()
    with daemon.connect() as client:
        began = time.monotonic()
        assert "answer" in client.ask(id=1, op="run", source="")
        assert time.monotonic() - began < 2
    daemon.stop()


def test_a_client_that_never_reads_is_cut_off(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nunread_bytes = 2_000_000\n")
    source = "print('x' * 900_000)"
    with daemon.connect() as client, daemon.connect() as other:
        for number in range(40):
            client.send(id=number, op="run", source=source)
        daemon.wait_logged("cut off", 30)
        # What the kernel still holds can be read, then the stream ends.
        answers = 0
        try:
            while client.receive() is not None:
                answers += 1
        except ConnectionResetError:
            pass
        assert answers < 20
        assert "answer" in other.ask(id=1, op="run", source="print(1)")
    assert "assay_clients_cut_off_total 1" in daemon.get("/metrics")[1]
    daemon.stop()


@no_slot_in_it
def test_a_client_that_stands_still_is_cut_off(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nunread_seconds = 0.5\n")
    with daemon.connect() as client:
        for number in range(8):
            client.send(id=number, op="run", source="print('x' * 900_000)")
        daemon.wait_logged("cut off")
    daemon.stop()


def test_a_slow_reader_gets_everything(daemon: Daemon) -> None:
    before = daemon.stats()["runs"]
    with daemon.connect() as client:
        for number in range(20):
            client.send(id=number, op="run", source="print('x' * 900_000)")
        # All has been said before a word is read.
        wait_until(lambda: daemon.stats()["runs"] == before + 20, 20)
        answers = [client.receive() for _ in range(20)]
    assert {answer["id"] for answer in answers} == set(range(20))
    assert all(answer["answer"]["stdout"] == b"x" * 900_000 + b"\n" for answer in answers)


@no_slot_in_it
def test_a_slow_sender_is_told_and_closed_while_others_are_served(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nrequest_seconds = 1\n")
    with daemon.connect() as slow, daemon.connect() as idle, daemon.connect() as other:
        slow.socket.sendall(struct.pack(">I", 1000) + b"\x81")
        assert "answer" in other.ask(id=1, op="run", source="")
        answer = slow.receive()
        assert "not whole after 1 s" in answer["error"]["message"]
        assert slow.receive() is None
        time.sleep(0.5)
        assert "answer" in idle.ask(id=1, op="stats")
    daemon.stop()


@no_slot_in_it
def test_a_thousand_idle_clients_are_no_burden_and_one_too_many_is_told(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nconnections = 1000\n")
    idle = [daemon.connect() for _ in range(999)]
    try:
        with daemon.connect() as client:
            assert "answer" in client.ask(id=1, op="run", source="")
            with daemon.connect() as refused:
                answer = refused.receive()
                assert answer["error"]["kind"] == "overloaded"
                assert "1000" in answer["error"]["message"]
            assert "answer" in client.ask(id=2, op="stats")
    finally:
        for client in idle:
            client.socket.close()
    daemon.stop()


@no_slot_in_it
def test_too_many_requests_of_one_client_are_refused_at_once(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nclient_requests = 10\n")
    with daemon.connect() as client, daemon.connect() as other:
        for number in range(11):
            client.send(id=number, op="run", source="import time; time.sleep(0.3)")
        refused = client.receive()
        assert refused["id"] == 10
        assert refused["error"]["kind"] == "overloaded"
        assert "answer" in other.ask(id=1, op="run", source="")
        assert all("answer" in client.receive() for _ in range(10))
    daemon.stop()


@no_slot_in_it
def test_a_deadline_expires_behind_the_clients_own_requests(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nclient_runs = 1\n")
    with daemon.connect() as client:
        client.send(id=1, op="run", source="import time; time.sleep(1)")
        client.send(id=2, op="run", source="", deadline_seconds=0.2)
        expired = client.receive()
        assert expired["id"] == 2
        assert expired["error"]["kind"] == "overloaded"
        assert "deadline" in expired["error"]["message"]
        assert "answer" in client.receive()
        client.send(id=3, op="run", source="import time; time.sleep(0.5)")
        client.send(id=4, op="run", source="")
        assert client.receive()["id"] == 3
        assert client.receive()["answer"]["queue_seconds"] > 0.3
    daemon.stop()
