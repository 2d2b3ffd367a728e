"""One HTTP connection: its requests are answered one after the other, in order.

A request has to arrive in its time, a client has to read its answers, and one that goes takes what it runs with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import time
from collections import deque
from contextlib import AbstractContextManager
from typing import Final, Protocol, cast

from engine.errors import Overloaded
from engine.log import fields
from engine.server.answers import Answer
from engine.server.http_arrival import Admission, Arrival
from engine.server.request import HttpRequest

log = logging.getLogger("assay.server")
# Head and body of an answer that is no longer go out in one piece.
_AT_ONCE_BYTES: Final = 1 << 16
# Of one connection, whole requests that wait for their turn; then nothing more is read.
_WAITING: Final = 8
_WAITING_BYTES: Final = 1 << 20
# Then nothing tells that the client has gone, unless one looks.
_LOOK_SECONDS: Final = 0.25
# For a client that still sends what is not read: to close at once would destroy the answer on its way.
_LINGER_SECONDS: Final = 2.0
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Application(Admission, Protocol):
    """What connections ask."""

    def about(self, request: HttpRequest) -> AbstractContextManager[None]:
        """What is logged and traced in it is about this request."""
        ...

    async def answer(self, request: HttpRequest) -> Answer:
        """The answer to a whole request; only CancelledError is raised."""
        ...

    def opened(self, connection: HttpConnection) -> Overloaded | None:
        """A client came: one too many, if that is what comes back."""

    def closed(self, connection: HttpConnection) -> None:
        """It is gone."""

    def cut_off(self) -> None:
        """A client did not read its answers."""


class HttpConnection(asyncio.Protocol):
    """Reads on while a request is answered, so that a disconnect is seen; whatever the client runs ends with it."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._config = application.config
        self._held = application.held
        self._loop = asyncio.get_running_loop()
        self._client = "http"
        self._late: asyncio.TimerHandle | None = None
        self._paused = False
        self._looking: asyncio.TimerHandle | None = None
        # What has arrived, and what is answered.
        self._waiting: deque[HttpRequest] = deque()
        self._task: asyncio.Task[None] | None = None
        self._ending = False
        self._stalled: asyncio.TimerHandle | None = None
        self._resumed: asyncio.Future[None] | None = None
        # Not the loop's time, which counts in milliseconds: of many idle ones the first is to be known.
        self._idle_since = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if peer := transport.get_extra_info("peername"):
            self._client = f"http-{peer[0]}:{peer[1]}"
        self._arrival = Arrival(self._client, self._application, self._arrived)
        self._idle = self._loop.call_later(self._config.keep_alive_seconds, self._close_if_idle)
        if (too_many := self._application.opened(self)) is not None:
            self._arrival.refuse(too_many)

    def connection_lost(self, exc: Exception | None) -> None:
        self._application.closed(self)
        for timer in (self._idle, self._late, self._looking, self._stalled):
            if timer is not None:
                timer.cancel()
        self._arrival.end()
        self._ending = True
        self._held.bytes -= sum(len(each.body) for each in self._waiting)
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            # Its error leads back here.
            self._task = None

    @property
    def idle_since(self) -> float | None:
        """The monotonic time since when nothing is asked and nothing arrives; None where something is or does."""
        return None if self._task is not None or self._arrival.begun or self._ending else self._idle_since

    def finish(self) -> None:
        """Answer what has arrived whole, and close."""
        self._ending = self._arrival.deaf = True
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
        self._arrival.feed(data)
        self._say_continue()
        self._watch()

    def _arrived(self, request: HttpRequest) -> None:
        self._waiting.append(request)
        self._next()

    def _watch(self) -> None:
        """Read on or not, and have what is arriving be whole in time."""
        waiting = self._waiting
        full = bool(waiting) and (len(waiting) >= _WAITING or sum(len(each.body) for each in waiting) > _WAITING_BYTES)
        if full and not self._paused:
            self._transport.pause_reading()
            self._looking = self._loop.call_later(_LOOK_SECONDS, self._look)
        elif not full and self._paused:
            self._transport.resume_reading()
            if self._looking is not None:
                self._looking.cancel()
        self._paused = full
        if not self._arrival.begun or full or self._arrival.deaf:
            if self._late is not None:
                self._late.cancel()
                self._late = None
        elif self._late is None:
            self._late = self._loop.call_later(self._config.request_seconds, self._arrives_late)

    def _look(self) -> None:
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
        if poll.poll(0):
            self._transport.abort()
        else:
            self._looking = self._loop.call_later(_LOOK_SECONDS, self._look)

    def _arrives_late(self) -> None:
        self._late = None
        self._arrival.late()

    # What is answered.

    def _next(self) -> None:
        if self._task is None and self._waiting:
            request = self._waiting.popleft()
            # A task that is cancelled before it begins would never uncount it.
            self._held.bytes -= len(request.body)
            self._task = self._loop.create_task(self._serve(request))

    async def _serve(self, request: HttpRequest) -> None:
        with self._application.about(request), self._held.holding(len(request.body)):
            answer = await self._answered(request)
        # It may have been told to finish while the answer was written.
        if answer.last or (self._ending and not self._waiting):
            self._end()
            return
        self._task = None
        self._idle_since = time.monotonic()
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
            self._transport.write(head + answer.body if len(answer.body) < _AT_ONCE_BYTES else head)
            if len(answer.body) >= _AT_ONCE_BYTES:
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
        if self._arrival.continue_due and self._task is None and not self._waiting:
            self._arrival.continue_due = False
            self._transport.write(_CONTINUE)

    def _end(self) -> None:
        if self._transport.is_closing():
            return
        self._ending = True
        if self._arrival.lingers:
            self._transport.write_eof()
            self._idle.cancel()
            self._idle = self._loop.call_later(_LINGER_SECONDS, self._transport.abort)
        else:
            self._transport.close()

    def _close_if_idle(self) -> None:
        left = self._idle_since + self._config.keep_alive_seconds - time.monotonic()
        busy = self._task is not None or self._arrival.begun
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
