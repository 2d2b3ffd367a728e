"""Requests out of the bytes of one HTTP connection: a body is never read further than its cap."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

import httptools

from engine.config.server import ServerConfig
from engine.errors import AssayError, BadInput, Overloaded
from engine.log import fields
from engine.server.answers import Answer, TooLarge, error_answer
from engine.server.held import Held
from engine.server.request import HttpRequest

log = logging.getLogger("assay.server")
# What a head may hold, and what may stand around the bytes of a body: chunk lengths, trailers.
_HEAD_BYTES: Final = 1 << 16
_AROUND_EACH_BYTE: Final = 8


class Admission(Protocol):
    """What is asked of a request of which the head alone is known."""

    config: ServerConfig
    held: Held

    def name(self, request: HttpRequest) -> None:
        """Give it its id."""

    def refusal(self, request: HttpRequest) -> Answer | None:
        """The answer, if it shall not be let in."""


class Arrival:
    """Hands each request to `arrived`, whole or with its refusal; until then, the bytes of its body count as held.

    The methods `on_...` are called by the parser.

    deaf          nothing more is read: it makes no sense, or would not be answered
    lingers       the client may still be sending what is not read
    continue_due  it waits for "100 Continue" before it sends a body
    """

    def __init__(self, client: str, admission: Admission, arrived: Callable[[HttpRequest], None]) -> None:
        self._client = client
        self._admission = admission
        self._config = admission.config
        self._held = admission.held
        self._arrived = arrived
        self._parser = httptools.HttpRequestParser(self)
        self._arriving: HttpRequest | None = None
        self._in_head = False
        self._chunks: list[bytes] = []
        self._length = self._raw_length = 0
        self._counted = False
        self.deaf = self.lingers = self.continue_due = False

    @property
    def begun(self) -> bool:
        """A request has come in part."""
        return self._arriving is not None

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        if self.deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.deaf = True
        except httptools.HttpParserError as error:
            self.refuse(BadInput("request", None, f"Invalid HTTP request: {error}"), 400)
        if self._arriving is not None and not self.deaf:
            # Where in the first piece it begins is not known.
            self._raw_length += len(data) if self._counted else 0
            self._counted = True
            if self._raw_length - self._length > _HEAD_BYTES + _AROUND_EACH_BYTE * self._length:
                self.refuse(BadInput("request", None, f"Headers longer than the cap of {_HEAD_BYTES} bytes"), 400)

    def refuse(self, error: AssayError, status: int | None = None) -> None:
        """Answer what is arriving with an error, in its turn, and read nothing more."""
        if self.deaf:
            return
        request = self._arriving or HttpRequest(self._client)
        if not request.id:
            self._admission.name(request)
        log.info("%s", error, extra=fields(request=request.id, client=self._client))
        request.refusal = error_answer(error, status)
        self._arriving = request
        # Whoever does not speak HTTP may not even read an answer.
        self._done(last=True, lingers=status != 400)

    def late(self) -> None:
        """Refuse what has not come whole in its time."""
        what = "request" if self._in_head else "body"
        why = f"not whole after {self._config.request_seconds:g} s (server.request_seconds)"
        self.refuse(BadInput(what, None, why), 408 if self._in_head else None)

    def end(self) -> None:
        """Nothing comes any more: forget what has come in part, and the parser, whose circle nobody else breaks."""
        self.deaf = True
        self.continue_due = False
        self._forget()
        self._arriving = None
        del self._parser, self._arrived

    def on_message_begin(self) -> None:
        self._arriving = HttpRequest(self._client)
        self._in_head, self._counted = True, False
        self._target = b""
        self._length = self._raw_length = 0

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers say nothing here.
        if self._arriving is not None and self._in_head and not self.deaf:
            try:
                self._arriving.add_header(name, value)
            except BadInput as error:
                self.refuse(error, 400)

    def on_headers_complete(self) -> None:
        request = self._arriving
        if request is None or self.deaf:
            return
        self._in_head = False
        request.method = self._parser.get_method().decode()
        request.version = self._parser.get_http_version()
        # What asks for another protocol is answered in the one that it came in, and nothing after it can be read.
        more = self._parser.should_keep_alive() and b"upgrade" not in request.headers
        request.keep_alive = more and request.version == "1.1"
        self._admission.name(request)
        try:
            request.set_target(self._target)
        except BadInput as error:
            self.refuse(error, 400)
            return
        request.refusal = self._admission.refusal(request)
        told = request.headers.get(b"content-length", b"0")
        has_body = told != b"0" or b"transfer-encoding" in request.headers
        if request.refusal is not None:
            # Its body is not worth reading.
            if has_body:
                self._done(last=True, lingers=True)
        elif int(told) > self._config.request_bytes:
            self.refuse(self._too_large(int(told)))
        elif has_body and request.headers.get(b"expect", b"").lower() == b"100-continue" and request.version == "1.1":
            self.continue_due = True

    def on_body(self, body: bytes) -> None:
        if self.deaf or self._arriving is None:
            return
        self.continue_due = False
        self._length += len(body)
        if self._length > self._config.request_bytes:
            self.refuse(self._too_large(self._length))
            return
        self._chunks.append(body)
        self._held.bytes += len(body)
        try:
            self._held.check()
        except Overloaded as error:
            self.refuse(error)

    def on_message_complete(self) -> None:
        if not self.deaf and self._arriving is not None:
            self._arriving.body = b"".join(self._chunks)
            # They go on being held, as the body.
            self._chunks = []
            self._done()

    def _too_large(self, length: int) -> TooLarge:
        cap = self._config.request_bytes
        return TooLarge("body", length, f"longer than the cap of {cap} bytes (server.request_bytes)")

    def _done(self, *, last: bool = False, lingers: bool = False) -> None:
        request, self._arriving = self._arriving, None
        if request is None:
            return
        self._forget()
        self.continue_due = False
        if last or not request.keep_alive:
            self.deaf, self.lingers = True, lingers
            request.keep_alive = False
        self._arrived(request)

    def _forget(self) -> None:
        self._held.bytes -= sum(map(len, self._chunks))
        self._chunks = []
