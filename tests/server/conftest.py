from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgpack
import pytest

from engine import Client
from engine.config.engine import Runtime

ASSAY = (sys.executable, "-m", "assay")
READY_SECONDS = 30
_FAR_FUTURE = 1_000_000


@dataclasses.dataclass
class Daemon:
    """A daemon of its own process, on a socket and a port of its own."""

    process: subprocess.Popen[bytes]
    path: Path
    http: str | None
    ready: str
    log: Path

    @property
    def address(self) -> str:
        return f"unix://{self.path}"

    def client(self, face: str = "unix", **options: Any) -> Client:
        assert self.http
        return Client(self.address if face == "unix" else self.http, **options)

    def connect(self) -> RawClient:
        return RawClient(self.path)

    def http_connect(self) -> socket.socket:
        assert self.http
        host, port = self.http.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), timeout=10)

    def post(self, path: str, content: object, **headers: str) -> tuple[int, Any]:
        """Status and decoded body; `content` that is not bytes goes as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self._ask(urllib.request.Request(f"{self.http}{path}", data=body, headers=headers, method="POST"))

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return self._ask(urllib.request.Request(f"{self.http}{path}", headers=headers))

    def _ask(self, request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, _decoded(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decoded(error.read())

    def stats(self) -> dict[str, Any]:
        status, stats = self.get("/v1/stats")
        assert status == 200
        return dict(stats)

    def wait_for(self, *, running: int, queued: int = 0, seconds: float = 10.0) -> None:
        """Wait until so many programs run and so many wait for a slot."""

        def is_so() -> bool:
            stats = self.stats()
            return (stats["running"], stats["queued"]) == (running, queued)

        wait_until(is_so, seconds)

    def wait_logged(self, words: str, seconds: float = 20.0) -> None:
        wait_until(lambda: words in self.log.read_text(), seconds)

    def wait_deaf(self, seconds: float = 10.0) -> None:
        """Wait until it has been told to stop: nobody new is let in any more."""

        def is_so() -> bool:
            try:
                self.connect().socket.close()
            except (ConnectionRefusedError, FileNotFoundError):
                return True
            return False

        wait_until(is_so, seconds)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM, seconds: float = 60) -> int:
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(seconds)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


class RawClient:
    """The wire and nothing else: the frames of a client that may misbehave."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, **message: Any) -> None:
        self.send_body(msgpack.packb(message))

    def send_body(self, body: bytes) -> None:
        self.socket.sendall(struct.pack(">I", len(body)) + body)

    def receive(self) -> Any:
        """The next whole answer, or None at the end of the stream."""
        head = self._exactly(4)
        length = struct.unpack(">I", head)[0] if len(head) == 4 else 0
        body = self._exactly(length)
        return msgpack.unpackb(body) if body and len(body) == length else None

    def ask(self, **message: Any) -> Any:
        self.send(**message)
        return self.receive()

    def _exactly(self, count: int) -> bytes:
        parts = b""
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            if not part:
                break
            parts += part
        return parts


class Marked:
    """A program that shows in the machine's process list under a name of its own, and sleeps."""

    def __init__(self) -> None:
        self.name = f"marked-{uuid.uuid4().hex}"
        self.source = f"exec -a {self.name} sleep {_FAR_FUTURE}"
        self.language = "bash"

    @property
    def alive(self) -> bool:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if command.startswith(self.name.encode()):
                    return True
        return False

    def wait_alive(self, seconds: float = 10) -> None:
        wait_until(lambda: self.alive, seconds)

    def wait_dead(self, seconds: float = 1.0) -> None:
        wait_until(lambda: not self.alive, seconds)


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def assay() -> list[str]:
    """The command."""
    return list(ASSAY)


@pytest.fixture
def marked() -> Marked:
    return Marked()


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address where nobody listens and nobody else can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


StartDaemon = Callable[..., Daemon]


@pytest.fixture(scope="module")
def start_daemon(tmp_path_factory: pytest.TempPathFactory, runtime: Runtime) -> Iterator[StartDaemon]:
    """Start a daemon of the runtime under test with these arguments and this configuration file."""
    started: list[Daemon] = []

    def start(
        *arguments: str,
        config: str = "",
        http: str | None = "127.0.0.1:0",
        slots: int = 2,
        command: Sequence[str] = ASSAY,
        place: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Daemon:
        place = place or tmp_path_factory.mktemp("daemon")
        path = place / "a.sock"
        command = [*command, "serve", "--socket", str(path), "--slots", str(slots)]
        command += ["--runtime", runtime]
        command += ["--no-http"] if http is None else ["--http", http]
        if config:
            (place / "config.toml").write_text(config)
            command += ["--config", str(place / "config.toml")]
        log = place / "log"
        out = place / "out"
        with log.open("wb") as stderr, out.open("wb") as stdout:
            process = subprocess.Popen(
                [*command, *arguments], stdout=stdout, stderr=stderr, env={**os.environ, **(environment or {})}
            )
        daemon = Daemon(process, path, None, "", log)
        started.append(daemon)
        daemon.ready = _ready_text(process, out, log)
        url = re.search(r"http://\S+", daemon.ready)
        daemon.http = url.group() if url else None
        return daemon

    yield start
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.process.send_signal(signal.SIGINT)
    for daemon in started:
        daemon.process.wait(30)


def _ready_text(process: subprocess.Popen[bytes], out: Path, log: Path) -> str:
    end = time.monotonic() + READY_SECONDS
    while True:
        text = out.read_text()
        if "socket  " in text and text.endswith("\n"):
            return text
        assert process.poll() is None, f"the daemon ended: {log.read_text()}"
        assert time.monotonic() < end, f"not ready within {READY_SECONDS} s: {text}{log.read_text()}"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def daemon(start_daemon: StartDaemon) -> Iterator[Daemon]:
    """The daemon of most tests of a module, with its defaults and two slots."""
    daemon = start_daemon()
    yield daemon
    daemon.stop(signal.SIGINT)
