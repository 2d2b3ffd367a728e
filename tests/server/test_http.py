from __future__ import annotations

import base64
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.conftest import wait_until
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, Marked, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

TOKEN = "0123456789abcdef0123"


def exchange(daemon: Daemon, request: bytes) -> tuple[int, str]:
    """Status and the whole answer to raw bytes."""
    with daemon.http_connect() as client:
        client.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = client.recv(65536)
            if not part:
                break
            answer += part
        client.settimeout(0.2)
        try:
            while part := client.recv(65536):
                answer += part
        except TimeoutError:
            pass
    return int(answer.split()[1]), answer.decode()


def head(path: str = "/v1/run", method: str = "POST", host: str = "localhost", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_run_in_json(daemon: Daemon) -> None:
    status, answer = daemon.post("/v1/run", {"source": "print(input())", "stdin": "hé\n"})
    assert status == 200
    assert answer["stdout"] == "hé\n"
    assert (answer["exit_code"], answer["verdict"], answer["stdout_truncated"]) == (0, "ACCEPTED", False)
    assert "stdout_base64" not in answer


def test_output_that_is_not_utf8_is_base64(daemon: Daemon) -> None:
    source = (
        "import sys; b = sys.stdin.buffer.read(); sys.stdout.buffer.write(b); open('f', 'wb').write(b); open('g', 'w')"
    )
    sent = base64.b64encode(b"\xff\x00").decode()
    wanted = {"source": source, "stdin_base64": sent, "collect": ["f", "g"]}
    status, answer = daemon.post("/v1/run", wanted)
    assert status == 200
    assert answer["stdout_base64"] == sent
    assert "stdout" not in answer
    assert answer["files"] == {"g": ""}
    assert answer["files_base64"] == {"f": sent}


RUN = {"source": "print(1)"}
MATH = {"kind": "math", "completion": "1", "reference": "1"}
CODE = {"kind": "code", "completion": "print(1)", "tests": [{"expected": "1"}]}


@no_slot_in_it
@pytest.mark.parametrize(
    ("path", "content", "field"),
    [
        ("/v1/run", b"{", "body"),
        ("/v1/run", b"", "body"),
        ("/v1/run", b"\xff", "body"),
        ("/v1/run", b"[" * 100_000, "body"),
        ("/v1/run", 7, "body"),
        ("/v1/run", {}, "source"),
        ("/v1/run", {"batch": []}, "batch"),
        ("/v1/run", {"source": 5}, "source"),
        ("/v1/run", b'{"source": "\\ud800"}', "source"),
        ("/v1/run", b'{"source": "", "stdin": "\\udc00"}', "stdin"),
        ("/v1/run", {**RUN, "language": "cobol"}, "language"),
        ("/v1/run", {**RUN, "langauge": "c"}, "langauge"),
        ("/v1/run", {**RUN, "files": {"/etc/passwd": ""}}, "files"),
        ("/v1/run", {**RUN, "files": {"a/../../b": ""}}, "files"),
        ("/v1/run", {**RUN, "files": {"a": 1}}, "files.a"),
        ("/v1/run", {**RUN, "collect": "a"}, "collect"),
        ("/v1/run", {**RUN, "limits": {"memory_bytes": "1G"}}, "limits.memory_bytes"),
        ("/v1/run", {**RUN, "limits": {"memory_bytes": 1 << 50}}, "limits.memory_bytes"),
        ("/v1/run", {**RUN, "deadline_seconds": -1}, "deadline_seconds"),
        ("/v1/score", b"3", "item"),
        ("/v1/score", {}, "kind"),
        ("/v1/score", {"kind": "math", "completion": "x"}, "reference"),
        ("/v1/score", [{"kind": "math", "completion": "1", "reference": "1"}, {"kind": "math"}], "[1].completion"),
        ("/v1/score", [7], "[0]"),
        ("/v1/score", [MATH, {**CODE, "image": "nowhere"}], "[1].image"),
        ("/v1/score", {**CODE, "image": "nowhere"}, "image"),
        ("/v1/score?deadline_seconds=soon", {}, "deadline_seconds"),
    ],
)
def test_a_wrong_request_is_422_and_names_the_field(daemon: Daemon, path: str, content: object, field: str) -> None:
    status, answer = daemon.post(path, content)
    assert status == 422
    assert answer["error"]["field"] == field
    assert answer["error"]["message"]
    assert daemon.post("/v1/run", RUN)[1]["stdout"] == "1\n"


@no_slot_in_it
def test_a_wrong_item_is_refused_before_anything_runs(daemon: Daemon) -> None:
    code = {"kind": "code", "completion": "print(1)", "tests": [{"stdin": "", "expected": "1"}]}
    before = daemon.stats()["runs"]
    status, answer = daemon.post("/v1/score", [code, {**code, "language": "cobol"}])
    assert status == 422
    assert answer["error"]["field"] == "[1].language"
    assert answer["error"]["value"] == "cobol"
    assert daemon.stats()["runs"] == before


@no_slot_in_it
def test_a_list_is_scored_in_order(daemon: Daemon) -> None:
    items = [
        {"id": number, "kind": "math", "completion": f"\\boxed{{{number}}}", "reference": "7"} for number in range(100)
    ]
    status, answers = daemon.post("/v1/score", items)
    assert status == 200
    assert [answer["id"] for answer in answers] == list(range(100))
    assert [answer["reward"] for answer in answers] == [float(number == 7) for number in range(100)]
    assert daemon.post("/v1/score", []) == (200, [])


@no_slot_in_it
def test_a_body_over_the_cap_is_refused_before_it_is_read(daemon: Daemon) -> None:
    status, answer = exchange(daemon, head(Content_Length="100000000000"))
    assert status == 413
    assert "cap of 33554432 bytes" in answer
    for path in ("/run_code", "/v1/score"):
        assert exchange(daemon, head(path, Content_Length="33554433"))[0] == 413


@no_slot_in_it
def test_a_chunked_body_is_read_up_to_the_cap(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nrequest_bytes = 1000\n")
    chunk = b"200\r\n" + b"x" * 0x200 + b"\r\n"
    status, answer = exchange(daemon, head(Transfer_Encoding="chunked") + chunk * 2)
    assert status == 413
    assert "cap of 1000 bytes" in answer
    status, answer = exchange(daemon, head(Content_Length="1000") + json.dumps(RUN).encode().ljust(1000))
    assert status == 200
    daemon.stop()


@no_slot_in_it
def test_a_body_that_does_not_come_is_told(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nrequest_seconds = 0.5\n")
    status, answer = exchange(daemon, head(Content_Length="10") + b"{")
    assert status == 422
    assert "not whole after 0.5 s" in answer
    daemon.stop()


@no_slot_in_it
@pytest.mark.parametrize(
    ("request_bytes", "status", "words"),
    [
        (head("/healthz", "GET", host="evil.example"), 403, "Host"),
        (head("/healthz", "GET", host=""), 403, "Host"),
        (head("/v1/run", Origin="http://evil.example", Content_Length="0"), 403, "Origin"),
        (head("/v1/run", Origin="null", Content_Length="0"), 403, "Origin"),
        (head("/healthz", "GET", Origin="http://localhost"), 200, "ok"),
        (head("/healthz", "GET", host="127.0.0.1:80"), 200, "ok"),
        (head("/healthz", "GET", host="[::1]:8080"), 200, "ok"),
        (head("/nowhere", "GET"), 404, "path"),
        (head("/v1/run", "GET"), 405, "method"),
        (b"nonsense\r\n\r\n", 400, "Invalid HTTP request"),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 403, "Host"),
    ],
)
def test_who_and_what_may_ask(daemon: Daemon, request_bytes: bytes, status: int, words: str) -> None:
    got, answer = exchange(daemon, request_bytes)
    assert got == status
    assert words in answer


@no_slot_in_it
def test_endless_headers_end(daemon: Daemon) -> None:
    with daemon.http_connect() as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        line = b"X: " + b"y" * 1000 + b"\r\n"
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            client.sendall(line * 10_000)
    assert daemon.get("/healthz") == (200, "ok\n")


@no_slot_in_it
def test_every_answer_has_a_request_id(daemon: Daemon) -> None:
    _, answer = exchange(daemon, head("/healthz", "GET", X_Request_Id="mine-1"))
    assert "x-request-id: mine-1\r\n" in answer
    _, answer = exchange(daemon, head("/nowhere", "GET", X_Request_Id="has space"))
    assert "x-request-id: has space" not in answer
    assert "x-request-id: " in answer
    exchange(daemon, head("/v1/run", X_Request_Id="in-the-log", Content_Length="1") + b"{")
    assert "request=in-the-log" in daemon.log.read_text()


@no_slot_in_it
def test_the_small_pages(daemon: Daemon) -> None:
    assert daemon.get("/v1/ping") == (200, "pong")
    assert daemon.get("/healthz") == (200, "ok\n")
    assert daemon.get("/readyz") == (200, "ready, every limit proved\n")


def test_metrics_count(daemon: Daemon) -> None:
    daemon.post("/v1/run", RUN)
    daemon.post("/v1/run", {"source": "1/0"})
    daemon.post("/v1/run", {})
    for answer in ("\\boxed{\\frac{10}{2}}", "\\boxed{6}", "five"):
        daemon.post("/v1/score", {"kind": "math", "completion": answer, "reference": "5"})
    status, text = daemon.get("/metrics")
    assert status == 200
    numbers = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            numbers[name] = float(value)
    assert numbers['assay_verdicts_total{op="run",verdict="ACCEPTED"}'] >= 1
    assert numbers['assay_verdicts_total{op="run",verdict="RUNTIME_ERROR"}'] >= 1
    assert (
        numbers['assay_request_seconds_bucket{op="run",le="+Inf"}'] == numbers['assay_request_seconds_count{op="run"}']
    )
    for labels in ('"correct",how="exact",reason=""', '"incorrect",how="",reason="different"'):
        assert numbers[f'assay_judged_total{{kind="math",verdict={labels}}}'] >= 1
    assert numbers['assay_judged_total{kind="math",verdict="incorrect",how="",reason="no answer"}'] >= 1
    assert numbers["assay_slots"] == 2
    assert numbers["assay_engine_runs_total"] >= 2
    assert numbers["assay_not_judged_programs"] == 0


@pytest.mark.parametrize("path", ["/v1/run", "/run_code"])
def test_a_disconnect_kills_the_program_within_a_second(daemon: Daemon, marked: Marked, path: str) -> None:
    source = {"source": marked.source} if path == "/v1/run" else {"code": marked.source}
    body = json.dumps({**source, "language": "bash"}).encode()
    with daemon.http_connect() as client:
        client.sendall(head(path, Content_Length=str(len(body))) + body)
        marked.wait_alive()
    marked.wait_dead(1.0)


def test_a_client_that_does_not_read_its_answer_is_cut_off(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nunread_seconds = 0.5\n")
    body = json.dumps({"source": "print('x' * 8_000_000)", "limits": {"output_bytes": 9_000_000}}).encode()
    with daemon.http_connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(head(Content_Length=str(len(body))) + body)
        daemon.wait_logged("cut off")
    text = daemon.get("/metrics")[1]
    assert "assay_clients_cut_off_total 1" in text
    assert 'assay_connections{face="http"} 1' in text
    daemon.stop()


@no_slot_in_it
def test_a_disconnect_within_the_body_is_no_harm(daemon: Daemon) -> None:
    with daemon.http_connect() as client:
        client.sendall(head(Content_Length="100") + b"{")
    # The one that asks is left.
    wait_until(lambda: 'assay_connections{face="http"} 1\n' in daemon.get("/metrics")[1])
    assert daemon.post("/v1/run", RUN)[0] == 200


@no_slot_in_it
def test_a_token_is_asked_for_everywhere_but_on_the_probes(start_daemon: StartDaemon, tmp_path_factory: Any) -> None:
    token_file = tmp_path_factory.mktemp("token") / "token"
    token_file.write_text(TOKEN + "\n")
    daemon = start_daemon("--token-file", str(token_file), http="0.0.0.0:0")
    assert daemon.http
    daemon.http = daemon.http.replace("0.0.0.0", "127.0.0.1")
    for path in ("/v1/run", "/v1/score", "/run_code"):
        status, answer = daemon.post(path, RUN)
        assert status == 401
        assert answer["error"]["field"] == "token"
        assert TOKEN not in json.dumps(answer)
        assert daemon.post(path, RUN, Authorization="Bearer " + "x" * 20)[0] == 401
    assert daemon.get("/metrics")[0] == 401
    assert daemon.get("/v1/ping")[0] == 401
    assert daemon.get("/t/wrong/v1/ping")[0] == 401
    assert daemon.get("/healthz")[0] == 200
    assert daemon.get("/readyz")[0] == 200
    assert daemon.post("/v1/run", RUN, Authorization=f"Bearer {TOKEN}")[0] == 200
    assert daemon.post(f"/t/{TOKEN}/v1/run", RUN)[0] == 200
    assert daemon.get(f"/t/{TOKEN}/v1/ping") == (200, "pong")
    assert daemon.get("/v1/ping", Host="any.name", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert TOKEN not in daemon.log.read_text()
    with daemon.connect() as client:
        assert client.ask(id=1, op="hello", token="x" * 20)["error"]["field"] == "token"
        assert "answer" in client.ask(id=2, op="hello", token=TOKEN)
    daemon.stop()


@no_slot_in_it
def test_idle_and_half_open_connections_are_no_burden(daemon: Daemon) -> None:
    idle: list[socket.socket] = []
    try:
        for _ in range(300):
            client = daemon.http_connect()
            client.sendall(b"POST /v1/run HTTP/1.1\r\nHo")
            idle.append(client)
        assert daemon.post("/v1/run", RUN)[0] == 200
    finally:
        for client in idle:
            client.close()
