"""HTTP answers: what is said, its status, and how it is written."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final

import msgspec

from engine.errors import AssayError, BadInput, Overloaded, SandboxError
from engine.wire.messages import error_body

JSON: Final = b"application/json"
JSON_LINES: Final = b"application/x-ndjson"
HTML: Final = b"text/html; charset=utf-8"
TEXT: Final = b"text/plain; charset=utf-8"
_STATUS_LINES: Final = {
    each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\ncontent-type: ".encode() for each in HTTPStatus
}


class TooLarge(BadInput):
    """A body over the cap."""


class Answer:
    """One answer.

    lines          parts of the body that come one after the other; `body` is empty then
    allow          methods that the path knows, where the request had another
    last           the connection is closed after it
    retry_seconds  when there will be room for the request, where that is known
    """

    __slots__ = ("allow", "body", "kind", "last", "lines", "retry_seconds", "status")

    def __init__(
        self, body: bytes = b"", status: int = 200, kind: bytes = JSON, *, allow: str = "", last: bool = False
    ) -> None:
        self.body = body
        self.status = status
        self.kind = kind
        self.allow = allow
        self.last = last
        self.retry_seconds: float | None = None
        self.lines: AsyncGenerator[bytes, None] | None = None

    def head(self, request_id: str, *, chunked: bool) -> bytes:
        """Status and header fields; the body's length, or that it comes in chunks, or else that it ends the stream."""
        parts = [_STATUS_LINES[self.status], self.kind, b"\r\ndate: ", _date()]
        if self.lines is None:
            parts.append(b"\r\ncontent-length: %d" % len(self.body))
        elif chunked:
            parts.append(b"\r\ntransfer-encoding: chunked")
        if self.allow:
            parts.append(b"\r\nallow: " + self.allow.encode())
        if self.retry_seconds is not None:
            parts.append(b"\r\nretry-after: %d" % math.ceil(self.retry_seconds))
        if self.last:
            parts.append(b"\r\nconnection: close")
        parts.append(b"\r\nx-request-id: %b\r\n\r\n" % request_id.encode())
        return b"".join(parts)


_dates: list[tuple[int, bytes]] = [(0, b"")]


def _date() -> bytes:
    now = int(time.time())
    if _dates[0][0] != now:
        _dates[0] = (now, formatdate(now, usegmt=True).encode())
    return _dates[0][1]


def status_of(error: AssayError) -> int:
    """413 and 422 for a wrong request, 504 for one refused or expired in the queue, 503 for a fault of ours."""
    if isinstance(error, TooLarge):
        return 413
    if isinstance(error, BadInput):
        return 422
    return 504 if isinstance(error, Overloaded) else 503


def daemon_failed(error: Exception) -> SandboxError:
    """What a bug of ours, or of somebody's scorer, is told as; its log has all of it."""
    return SandboxError(f"the daemon failed: {type(error).__name__}, see its log")


def json_answer(content: Any, status: int = 200) -> Answer:
    """`content` as JSON; bytes in it must have been made text."""
    return Answer(msgspec.json.encode(content), status)


def error_answer(error: AssayError, status: int | None = None, *, allow: str = "", last: bool = False) -> Answer:
    """The answer to a request that failed."""
    body = msgspec.json.encode({"error": error_body(error)})
    answer = Answer(body, status_of(error) if status is None else status, allow=allow, last=last)
    if isinstance(error, Overloaded):
        answer.retry_seconds = error.retry_seconds
    return answer


def stream_answer(lines: AsyncGenerator[bytes, None]) -> Answer:
    """JSON lines as they come; the generator is closed when the client goes."""
    answer = Answer(kind=JSON_LINES)
    answer.lines = lines
    return answer
