"""One HTTP connection: requests are read and bounded here, and answered one after the other, in order.

A body is never read further than its cap, a request has to arrive in its time, a client has to read its answers, and
one that goes takes what it runs with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from contextlib import AbstractContextManager
from typing import Final, Protocol, cast

import httptools

from engine.config.server import ServerConfig
from engine.errors import BadInput
from engine.log import fields
from engine.server.answers import Answer, TooLarge, error_answer
from engine.server.request import HttpRequest

log = logging.getLogger("assay.server")
# What a head may hold, and what may stand around the bytes of a body: chunk lengths, trailers.
_HEAD_BYTES: Final = 1 << 16
_AROUND_EACH_BYTE: Final = 8
# Of one connection, whole requests that wait for their turn; then nothing more is read.
_WAITING: Final = 8
_WAITING_BYTES: Final = 1 << 20
# For a client that still sends what is not read: to close at once would destroy the answer on its way.
_LINGER_SECONDS: Final = 2.0
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Application(Protocol):
    """What connections ask."""

    config: ServerConfig

    def name(self, request: HttpRequest) -> None:
        """Give it its id."""

    def about(self, request: HttpRequest) -> AbstractContextManager[None]:
        """What is logged and traced in it is about this request."""
        ...

    def refusal(self, request: HttpRequest) -> Answer | None:
        """The answer to a request of which the head alone is known, if it shall not be let in."""

    async def answer(self, request: HttpRequest) -> Answer:
        """The answer to a whole request; only CancelledError is raised."""
        ...

    def opened(self, connection: HttpConnection) -> None:
        """A client came."""

    def closed(self, connection: HttpConnection) -> None:
        """It is gone."""

    def cut_off(self) -> None:
        """A client did not read its answers."""


class HttpConnection(asyncio.Protocol):
    """The methods `on_...` are called by the parser."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._config = application.config
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._client = "http"
        # What arrives.
        self._arriving: HttpRequest | None = None
        self._in_head = False
        self._chunks: list[bytes] = []
        self._length = self._raw_length = 0
        self._counted = False
        self._arrival: asyncio.TimerHandle | None = None
        # Nothing more is read: it makes no sense, or would not be answered.
        self._deaf = self._paused = self._lingers = False
        # What has arrived, and what is answered.
        self._waiting: deque[HttpRequest] = deque()
        self._task: asyncio.Task[None] | None = None
        self._continue_due = False
        self._ending = False
        self._stalled: asyncio.TimerHandle | None = None
        self._resumed: asyncio.Future[None] | None = None
        self._idle_since = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if peer := transport.get_extra_info("peername"):
            self._client = f"http-{peer[0]}:{peer[1]}"
        self._idle = self._loop.call_later(self._config.keep_alive_seconds, self._close_if_idle)
        self._application.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._application.closed(self)
        for timer in (self._idle, self._arrival, self._stalled):
            if timer is not None:
                timer.cancel()
        self._deaf = self._ending = True
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def finish(self) -> None:
        """Answer what has arrived whole, and close."""
        self._ending = self._deaf = True
        if self._task is None:
            self._transport.close()

    async def abort(self) -> None:
        """Close now; what runs is killed."""
        self._transport.abort()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    # What arrives.

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = True
        except httptools.HttpParserError as error:
            self._refuse(BadInput("request", None, f"Invalid HTTP request: {error}"), 400)
        if self._arriving is not None and not self._deaf:
            # Where in the first piece it begins is not known.
            self._raw_length += len(data) if self._counted else 0
            self._counted = True
            if self._raw_length - self._length > _HEAD_BYTES + _AROUND_EACH_BYTE * self._length:
                self._refuse(BadInput("request", None, f"Headers longer than the cap of {_HEAD_BYTES} bytes"), 400)
        self._watch()

    def on_message_begin(self) -> None:
        self._arriving = HttpRequest(self._client)
        self._in_head, self._counted = True, False
        self._target = b""
        self._length = self._raw_length = 0
        self._chunks = []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers say nothing here.
        if self._arriving is not None and self._in_head and not self._deaf:
            try:
                self._arriving.add_header(name, value)
            except BadInput as error:
                self._refuse(error, 400)

    def on_headers_complete(self) -> None:
        request = self._arriving
        if request is None or self._deaf:
            return
        self._in_head = False
        request.method = self._parser.get_method().decode()
        request.version = self._parser.get_http_version()
        # What asks for another protocol is answered in the one that it came in, and nothing after it can be read.
        more = self._parser.should_keep_alive() and b"upgrade" not in request.headers
        request.keep_alive = more and request.version == "1.1"
        self._application.name(request)
        try:
            request.set_target(self._target)
        except BadInput as error:
            self._refuse(error, 400)
            return
        request.refusal = self._application.refusal(request)
        told = request.headers.get(b"content-length", b"0")
        has_body = told != b"0" or b"transfer-encoding" in request.headers
        if request.refusal is not None:
            # Its body is not worth reading.
            if has_body:
                self._arrived(last=True, lingers=True)
        elif int(told) > self._config.request_bytes:
            self._refuse(self._too_large(int(told)))
        elif has_body and request.headers.get(b"expect", b"").lower() == b"100-continue" and request.version == "1.1":
            self._continue_due = True
            if self._task is None and not self._waiting:
                self._say_continue()

    def on_body(self, body: bytes) -> None:
        if self._deaf or self._arriving is None:
            return
        self._continue_due = False
        self._length += len(body)
        if self._length > self._config.request_bytes:
            self._refuse(self._too_large(self._length))
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        if not self._deaf and self._arriving is not None:
            self._arriving.body = b"".join(self._chunks)
            self._chunks = []
            self._arrived()

    def _too_large(self, length: int) -> TooLarge:
        cap = self._config.request_bytes
        return TooLarge("body", length, f"longer than the cap of {cap} bytes (server.request_bytes)")

    def _refuse(self, error: BadInput, status: int | None = None) -> None:
        """Answer what is arriving with an error, in its turn, and read nothing more."""
        if self._deaf:
            return
        request = self._arriving or HttpRequest(self._client)
        if not request.id:
            self._application.name(request)
        log.info("%s", error, extra=fields(request=request.id, client=self._client))
        request.refusal = error_answer(error, status)
        self._arriving = request
        # Whoever does not speak HTTP may not even read an answer.
        self._arrived(last=True, lingers=status != 400)

    def _arrived(self, *, last: bool = False, lingers: bool = False) -> None:
        request, self._arriving = self._arriving, None
        if request is None:
            return
        self._chunks = []
        self._continue_due = False
        if last or not request.keep_alive:
            self._deaf, self._lingers = True, lingers
            request.keep_alive = False
        self._waiting.append(request)
        self._next()

    def _watch(self) -> None:
        """Read on or not, and have what is arriving be whole in time."""
        waiting = self._waiting
        full = bool(waiting) and (len(waiting) >= _WAITING or sum(len(each.body) for each in waiting) > _WAITING_BYTES)
        if full and not self._paused:
            self._transport.pause_reading()
        elif not full and self._paused:
            self._transport.resume_reading()
        self._paused = full
        if self._arriving is None or full or self._deaf:
            if self._arrival is not None:
                self._arrival.cancel()
                self._arrival = None
        elif self._arrival is None:
            self._arrival = self._loop.call_later(self._config.request_seconds, self._late)

    def _late(self) -> None:
        self._arrival = None
        what = "request" if self._in_head else "body"
        why = f"not whole after {self._config.request_seconds:g} s (server.request_seconds)"
        self._refuse(BadInput(what, None, why), 408 if self._in_head else None)

    # What is answered.

    def _next(self) -> None:
        if self._task is None and self._waiting:
            self._task = self._loop.create_task(self._serve(self._waiting.popleft()))

    async def _serve(self, request: HttpRequest) -> None:
        with self._application.about(request):
            answer = await self._answered(request)
        if answer.last:
            self._end()
            return
        self._task = None
        self._idle_since = self._loop.time()
        if self._continue_due and not self._waiting:
            self._say_continue()
        self._next()
        if self._paused:
            self._watch()

    async def _answered(self, request: HttpRequest) -> Answer:
        answered = False
        try:
            answer = request.refusal or await self._application.answer(request)
            answer.last = answer.last or not request.keep_alive or (self._ending and not self._waiting)
            await self._write(request, answer)
            answered = True
        except asyncio.CancelledError:
            log.info("the client disconnected, its run was killed")
            raise
        except Exception:  # as in HttpFace, but some lines have been sent: it can only be cut off
            log.exception("failed in the daemon")
            raise
        finally:
            if not answered:
                self._transport.abort()
        return answer

    async def _write(self, request: HttpRequest, answer: Answer) -> None:
        chunked = request.version == "1.1"
        if answer.lines is not None and not chunked:
            answer.last = True
        head = answer.head(request.id, chunked=chunked)
        if request.method == "HEAD":
            self._transport.write(head)
        elif answer.lines is None:
            self._transport.write(head + answer.body if len(answer.body) < _HEAD_BYTES else head)
            if len(answer.body) >= _HEAD_BYTES:
                self._transport.write(answer.body)
        else:
            self._transport.write(head)
            async with contextlib.aclosing(answer.lines) as lines:
                async for line in lines:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(line), line) if chunked else line)
                    if self._resumed is not None:
                        await self._resumed
            self._transport.write(b"0\r\n\r\n" if chunked else b"")
        if self._resumed is not None:
            await self._resumed

    def _say_continue(self) -> None:
        self._continue_due = False
        self._transport.write(_CONTINUE)

    def _end(self) -> None:
        if self._transport.is_closing():
            return
        self._ending = True
        if self._lingers:
            self._transport.write_eof()
            self._idle.cancel()
            self._idle = self._loop.call_later(_LINGER_SECONDS, self._transport.abort)
        else:
            self._transport.close()

    def _close_if_idle(self) -> None:
        left = self._idle_since + self._config.keep_alive_seconds - self._loop.time()
        busy = self._task is not None or self._arriving is not None
        if left <= 0 and not busy:
            self._transport.close()
        else:
            self._idle = self._loop.call_later(max(left, 1.0) if busy else left, self._close_if_idle)

    # What the client does not read.

    def pause_writing(self) -> None:
        self._resumed = self._loop.create_future()
        self._stalled = self._loop.call_later(self._config.unread_seconds, self._cut_off)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._resumed = None

    def _cut_off(self) -> None:
        self._stalled = None
        self._application.cut_off()
        about = fields(client=self._client)
        log.warning("cut off, it does not read its answer (server.unread_seconds)", extra=about)
        self._transport.abort()
