from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.config.engine import Runtime
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, Marked, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]
NOBODY = 65534


@pytest.fixture
def refused(assay: list[str], tmp_path: Path) -> Any:
    """What `assay serve` with these arguments says when it does not start: the exit code and its one line."""

    def run(*arguments: str, config: str = "", **options: Any) -> tuple[int, str]:
        if config:
            (tmp_path / "config.toml").write_text(config)
            arguments = (*arguments, "--config", str(tmp_path / "config.toml"))
        if "--socket" not in arguments:
            arguments = (*arguments, "--socket", str(tmp_path / "a.sock"))
        if "--http" not in arguments:
            arguments = (*arguments, "--no-http")
        command = [*assay, "serve", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, **options)
        assert ended.stdout == ""
        lines = ended.stderr.splitlines()
        assert len(lines) == 1, ended.stderr
        assert lines[0].startswith("assay serve: ")
        return ended.returncode, lines[0]

    return run


@pytest.fixture
def own(start_daemon: StartDaemon) -> Iterator[Daemon]:
    """A daemon of this test alone."""
    daemon = start_daemon(slots=1)
    yield daemon
    daemon.stop(signal.SIGINT)


def test_the_ready_lines(own: Daemon, runtime: Runtime) -> None:
    first, second, third = own.ready.splitlines()
    assert re.fullmatch(r"assay \d+\.\d+\.\d+\S*  ready in \d+\.\d s", first)
    assert re.fullmatch(rf"  runtime {runtime} · 1 slots? · cgroup .+ · rootfs host.*", second)
    assert re.fullmatch(rf"  socket  {re.escape(str(own.path))}     http  http://127\.0\.0\.1:\d+", third)


@no_slot_in_it
def test_the_socket_is_this_users_alone_and_gone_afterwards(own: Daemon) -> None:
    assert stat.S_IMODE(own.path.stat().st_mode) == 0o600
    assert own.stop() == 0
    assert not own.path.exists()
    assert {path.name for path in own.path.parent.iterdir()} == {"log", "out"}


def test_sigterm_answers_what_is_under_way_and_takes_nothing_new(own: Daemon) -> None:
    slow = {"source": "import time; time.sleep(1.5); print('done')"}
    answers: list[tuple[int, Any]] = []
    waiting = threading.Thread(target=lambda: answers.append(own.post("/v1/run", slow)))
    waiting.start()
    with own.connect() as client:
        client.send(id=1, op="run", **slow)
        own.wait_for(running=1, queued=1)
        own.process.send_signal(signal.SIGTERM)
        own.wait_deaf()
        client.send(id=2, op="run", source="")
        said = {answer["id"]: answer for answer in (client.receive(), client.receive())}
        assert said[2]["error"]["kind"] == "overloaded"
        assert "stopping" in said[2]["error"]["message"]
        assert said[1]["answer"]["stdout"] == b"done\n"
        waiting.join()
        assert answers[0][1]["stdout"] == "done\n"
        assert client.receive() is None
    assert own.process.wait(10) == 0


def test_sigterm_ends_a_stream_with_its_last_line(own: Daemon) -> None:
    runs = json.dumps([{"source": "import time; time.sleep(1); print('done')"}]).encode()
    head = b"POST /v1/run HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\nContent-Length: %d\r\n\r\n"
    with own.http_connect() as client, client.makefile("rb") as answer:
        client.sendall(head % len(runs) + runs)
        own.wait_for(running=1)
        own.process.send_signal(signal.SIGTERM)
        assert b"done" in answer.read()
    assert own.process.wait(5) == 0


@pytest.mark.parametrize(
    "signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM], [signal.SIGTERM, signal.SIGINT]]
)
def test_sigint_or_a_second_signal_stops_at_once(own: Daemon, marked: Marked, signals: list[signal.Signals]) -> None:
    with own.connect() as client:
        client.send(id=1, op="run", source=marked.source, language="bash")
        marked.wait_alive()
        began = time.monotonic()
        first, *others = signals
        own.process.send_signal(first)
        for each in others:
            # Two at once would be one.
            own.wait_deaf()
            own.process.send_signal(each)
        assert own.process.wait(10) == 0
        assert time.monotonic() - began < 5
        assert not marked.alive


def test_draining_ends_after_its_time(start_daemon: StartDaemon, marked: Marked) -> None:
    daemon = start_daemon(config="[server]\ndrain_seconds = 0.5\n", slots=1)
    with daemon.connect() as client:
        client.send(id=1, op="run", source=marked.source, language="bash")
        marked.wait_alive()
        assert daemon.stop(signal.SIGTERM, seconds=8) == 0
        assert not marked.alive


@no_slot_in_it
def test_a_second_daemon_on_the_socket(own: Daemon, refused: Any) -> None:
    code, line = refused("--socket", str(own.path))
    assert code == 1
    assert f"a daemon (pid {own.process.pid}) already listens on {own.path}: stop it" in line
    assert "--socket PATH" in line
    with own.connect() as client:
        assert "answer" in client.ask(id=1, op="stats")


@no_slot_in_it
def test_a_port_in_use(own: Daemon, refused: Any, tmp_path: Path) -> None:
    assert own.http
    address = own.http.removeprefix("http://")
    code, line = refused("--http", address)
    assert code == 1
    assert line == (
        f"assay serve: {address} is in use: choose another with --http HOST:PORT, or leave it out with --no-http"
    )
    assert not (tmp_path / "a.sock").exists()


def test_a_stale_socket_is_replaced(start_daemon: StartDaemon, tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    daemon = start_daemon("--socket", str(path), http=None, slots=1)
    daemon.process.kill()
    daemon.process.wait()
    assert path.exists()
    daemon = start_daemon("--socket", str(path), http=None, slots=1)
    assert "removed" in daemon.log.read_text()
    daemon.path = path
    with daemon.connect() as client:
        assert client.ask(id=1, op="run", source="print(1)")["answer"]["stdout"] == b"1\n"
    assert daemon.http is None
    daemon.stop()


def test_something_else_at_the_path(refused: Any, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    code, line = refused("--socket", str(path))
    assert code == 1
    assert "is not a socket: remove it" in line
    assert path.read_text() == "precious"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "other"))
        other.listen()
        code, line = refused("--socket", str(tmp_path / "other"))
    assert code == 1
    assert "another program listens" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--socket", "/tmp/" + "x" * 200), "longer than 107 bytes"),
        (("--socket", "/proc/nowhere/a.sock"), "/proc/nowhere"),
        (("--http", "nonsense"), "expected HOST:PORT"),
        (("--http", "127.0.0.1:99999"), "expected HOST:PORT"),
        (("--http", "0.0.0.0:0"), "give a token with --token-file F"),
        (("--http", "203.0.113.7:8080", "--token-file", "{token}"), "203.0.113.7:8080"),
        (("--token-file", "/nowhere"), "token_file '/nowhere'"),
        (("--token-file", "{short}"), "expected 16 or more"),
        (("--config", "/nowhere.toml"), "config '/nowhere.toml'"),
        (("--slots", "0"), "slots 0"),
    ],
)
def test_a_wrong_argument_is_one_line(refused: Any, arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef")
    (tmp_path / "short").write_text("short")
    places = {"token": str(tmp_path / "token"), "short": str(tmp_path / "short")}
    code, line = refused(*(argument.format(**places) for argument in arguments))
    assert code in (1, 2)
    assert words in line


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[server]\nrequest_byte = 1\n", "server.request_byte"),
        ("[sever]\n", "sever"),
        ("[server]\nrequest_bytes = 0\n", "server.request_bytes 0"),
        ("[server]\nrequest_bytes = '1G'\n", "server.request_bytes"),
        ("[server]\nlog_level = 'loud'\n", "server.log_level"),
        ("[engine]\nslot = 1\n", "engine.slot"),
        ("[engine]\nslots = 0\n", "engine.slots"),
        ("[engine.limits]\ncpu_seconds = -1\n", "engine.limits.cpu_seconds"),
        ("nonsense", "not TOML"),
    ],
)
def test_a_wrong_configuration_names_the_key(refused: Any, config: str, words: str) -> None:
    code, line = refused(config=config)
    assert code == 2
    assert words in line


def test_without_the_rights_it_says_what_to_do(refused: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for directory in tmp_path.parents[:2]:
        directory.chmod(0o755)
    as_nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    code, line = refused("--socket", str(tmp_path / "nobody.sock"), **as_nobody)
    assert code == 1
    assert "root" in line
    code, line = refused("--socket", "/run/nobody.sock", **as_nobody)
    assert code == 1
    assert "--socket PATH" in line


def test_limits_of_the_configuration_are_in_force(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[engine.limits]\ncpu_seconds = 0.3\nmemory_bytes = 67108864\n", slots=1)
    assert daemon.post("/v1/run", {"source": "while True: pass"})[1]["verdict"] == "TIME_LIMIT"
    partly = {"source": "x = bytearray(200 << 20)", "limits": {"cpu_seconds": 5}}
    answer = daemon.post("/v1/run", partly)[1]
    assert answer["verdict"] in ("MEMORY_LIMIT", "RUNTIME_ERROR")
    daemon.stop()
