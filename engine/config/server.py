"""Settings of the server; defaults are meant to be right for one machine and one training run."""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path
from typing import Final

from engine.errors import BadInput, CannotStart
from engine.log import LogFormat
from engine.program import MIB
from engine.wire.messages import DEFAULT_REQUEST_BYTES

_HTTP: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]/]+)):(?P<port>\d{1,5})")
_URL: Final = re.compile(r"https?://[^/]")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,}")
LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """The table `[server]` of the configuration file.

    socket                 path of the Unix socket; None means the default of this user
    http                   "HOST:PORT" of the HTTP face; None switches it off
    hosts                  names that may stand in a Host header beside the loopback ones and the address itself
    token_file             file with the token; needed for an HTTP address that is not loopback
    request_bytes          the largest request, frame or HTTP body
    connections            connections of each face at once; one more is refused, over HTTP unless one is idle
    client_requests        requests in flight of one Unix connection; one more is refused at once
    client_runs            of these, how many stand in the engine's queue at once; the rest wait behind them
    batch_items            the most requests in one batch
    batch_bytes            bytes of answers that are kept for one list of runs; past it the rest is ended, and says so
    held_bytes             bytes of requests in memory, of all clients, arriving ones too; past it requests are refused
    unread_bytes           answers that wait for one client to read; past it the client is cut off
    unread_seconds         time that a full connection may stand still before the client is cut off
    request_seconds        time for one request to arrive once it has begun
    keep_alive_seconds     time that an idle HTTP connection stays open; longer than any client keeps it in its pool
    drain_seconds          time for requests in flight to end after SIGTERM
    run_code_queue_seconds time in the queue after which /run_code answers 504; None means as long as its client waits,
                           compile_timeout + run_timeout + 10 s
    run_code_memory_bytes  memory of a /run_code program whose request sets no limit
    run_code_output_bytes  bytes kept of each of stdout and stderr of a /run_code program
    run_jupyter_image      name of the image whose Python has ipykernel; None means that of requests that name none
    log_level              "debug" has a line per request, "info" one per request that failed
    log_format             "text" for people, or "json", an object a line
    traces                 URL of an OpenTelemetry collector, like http://127.0.0.1:4318; None: as OTEL_... say
    """

    socket: str | None = None
    http: str | None = "127.0.0.1:8080"
    hosts: tuple[str, ...] = ()
    token_file: str | None = None
    request_bytes: int = DEFAULT_REQUEST_BYTES
    connections: int = 4096
    client_requests: int = 16384
    client_runs: int = 128
    batch_items: int = 16384
    batch_bytes: int = 64 * MIB
    held_bytes: int = 256 * MIB
    unread_bytes: int = 64 * MIB
    unread_seconds: float = 300.0
    request_seconds: float = 60.0
    keep_alive_seconds: float = 3600.0
    drain_seconds: float = 60.0
    run_code_queue_seconds: float | None = None
    run_code_memory_bytes: int = 1024 * MIB
    run_code_output_bytes: int = 8 * MIB
    run_jupyter_image: str | None = None
    log_level: str = "info"
    log_format: LogFormat = "text"
    traces: str | None = None

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if isinstance(value, int | float) and not value > 0:
                raise BadInput(name, value, "expected a number above 0")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise BadInput("log_level", self.log_level, "expected debug, info, warning or error")
        if self.log_format not in typing.get_args(LogFormat):
            raise BadInput("log_format", self.log_format, "expected text or json")
        if self.traces is not None and not _URL.match(self.traces):
            raise BadInput("traces", self.traces, "expected a URL, like http://127.0.0.1:4318")
        if self.http is not None:
            host_and_port(self.http)


def host_and_port(address: str) -> tuple[str, int]:
    """Split "HOST:PORT" ("[HOST]:PORT" for IPv6); raises BadInput."""
    match = _HTTP.fullmatch(address)
    if not match or int(match["port"]) > 65535:
        raise BadInput("http", address, "expected HOST:PORT, like 127.0.0.1:8080")
    return match["six"] or match["host"], int(match["port"])


def read_token(config: ServerConfig) -> str:
    """The token, or "" for a daemon without one; raises BadInput, CannotStart for an open address without a token."""
    if config.token_file is None:
        if config.http is not None and not is_loopback(host_and_port(config.http)[0]):
            raise CannotStart(f"{config.http} can be reached from other machines: give a token with --token-file F")
        return ""
    try:
        token = Path(config.token_file).read_text().strip()
    except OSError as error:
        raise BadInput("token_file", config.token_file, error.strerror or "cannot be read") from None
    except UnicodeDecodeError:
        token = ""
    if not _TOKEN.fullmatch(token):
        expected = "expected 16 or more of A-Z a-z 0-9 - _ in it: openssl rand -hex 16 > FILE makes one"
        raise BadInput("token_file", config.token_file, expected)
    return token


def is_loopback(host: str) -> bool:
    """Only this machine can reach the address."""
    return host in LOOPBACK_HOSTS or host.startswith("127.")
