"""The HTTP face: what stands behind each path."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import resources
from typing import Any, Final

from engine.config.server import LOOPBACK_HOSTS, is_loopback
from engine.errors import AssayError, BadInput, Overloaded
from engine.flow import off_loop
from engine.log import fields
from engine.scorer import Parsed
from engine.server import run_code, run_jupyter
from engine.server.answers import HTML, TEXT, Answer, daemon_failed, error_answer, json_answer, stream_answer
from engine.server.decode import json_body
from engine.server.gate import Gate
from engine.server.http_batch import lines, listed, one_answer, outcome_json
from engine.server.http_connection import HttpConnection
from engine.server.listen import BACKLOG
from engine.server.request import HttpRequest, shown_path
from engine.server.routes import Route, answered
from engine.server.service import Service
from engine.wire.bytes import json_ready
from engine.wire.messages import Run, check_deadline

log = logging.getLogger("assay.server")
Handler = Callable[[HttpRequest], Awaitable[Answer]]
_READ: Final = ("GET", "HEAD")
_POST: Final = ("POST",)


class HttpFace:
    """One service and what others add to it, over HTTP; `host` is the address that it is bound to."""

    def __init__(self, service: Service, routes: Mapping[str, Route], *, host: str) -> None:
        self.config = service.config
        self.held = service.held
        self._service = service
        hosts = LOOPBACK_HOSTS | {host.lower()} | {name.lower() for name in service.config.hosts}
        self._gate = Gate(hosts=hosts if is_loopback(host) else None, token=service.token)
        self._connections: set[HttpConnection] = set()
        self._none_left = asyncio.Event()
        self._none_left.set()
        self._server: asyncio.Server | None = None
        self._routes: dict[str, tuple[tuple[str, ...], Handler]] = {
            **{
                path: (route.methods, partial(answered, route, service))
                for path, route in {**routes, **run_jupyter.ROUTES, **run_code.ROUTES}.items()
            },
            "/v1/run": (_POST, self._run),
            "/v1/score": (_POST, self._score),
            "/v1/ping": (_READ, _ping),
            "/healthz": (_READ, _healthz),
            "/readyz": (_READ, self._readyz),
            "/v1/stats": (_READ, self._stats),
            "/metrics": (_READ, self._metrics),
            "/": (_READ, _page),
        }

    # The life of the face.

    async def start(self, listener: socket.socket) -> None:
        """Begin to accept on a bound and listening socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: HttpConnection(self), sock=listener, backlog=BACKLOG)

    def stop_accepting(self) -> None:
        """Close the listener; connections end once what has arrived on them is answered."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.finish()

    async def quiet(self) -> None:
        """Wait until every connection has ended."""
        await self._none_left.wait()

    async def close(self) -> None:
        """End every connection and kill what its client runs."""
        self.stop_accepting()
        await asyncio.gather(*(connection.abort() for connection in list(self._connections)))

    # What connections ask.

    def opened(self, connection: HttpConnection) -> Overloaded | None:
        """A client came: one too many, if that is what comes back. Past the bound the one that is idle longest goes."""
        most = self.config.connections
        full = len(self._connections) >= most
        idle = {each: since for each in self._connections if full and (since := each.idle_since) is not None}
        if idle:
            min(idle, key=idle.__getitem__).finish()
            full = False
        self._connections.add(connection)
        self._none_left.clear()
        self._service.metrics.connections.add("http")
        return Overloaded(f"more than {most} connections (server.connections)", retry_seconds=1.0) if full else None

    def closed(self, connection: HttpConnection) -> None:
        """It is gone."""
        self._connections.discard(connection)
        self._service.metrics.connections.add("http", amount=-1)
        if not self._connections:
            self._none_left.set()

    def cut_off(self) -> None:
        """A client did not read its answers."""
        self._service.metrics.cut_off.add()

    def name(self, request: HttpRequest) -> None:
        """Give the request its id."""
        self._gate.name(request)

    def about(self, request: HttpRequest) -> contextlib.AbstractContextManager[None]:
        """What is logged and traced in it is about this request."""
        traced = f"{request.method} {request.path}" if request.method == "POST" and request.refusal is None else ""
        return self._service.about(
            request.id, traced, client=request.client, traceparent=request.header(b"traceparent")
        )

    def refusal(self, request: HttpRequest) -> Answer | None:
        """Who may not ask, and what is not here, is told before a body is read."""
        refusal = self._gate.refusal(request)
        if refusal is not None:
            return refusal
        methods, _ = self._route(request) or ((), None)
        if not methods:
            return error_answer(BadInput("path", request.path, "not found"), 404)
        if request.method not in methods:
            allow = ", ".join(methods)
            return error_answer(BadInput("method", request.method, f"expected {allow}"), 405, allow=allow)
        return None

    async def answer(self, request: HttpRequest) -> Answer:
        """The answer to a request that was let in."""
        answer = await self._answer(request)
        if log.isEnabledFor(logging.DEBUG if answer.status < 400 else logging.INFO):
            path = shown_path(request.path)
            level = logging.DEBUG if answer.status < 400 else logging.INFO
            told = fields(status=answer.status)
            log.log(level, "%s %s", request.method, path, extra=told)
        return answer

    async def _answer(self, request: HttpRequest) -> Answer:
        route = self._route(request)
        assert route is not None
        try:
            return await route[1](request)
        except AssayError as error:
            log.info("%s", error)
            return error_answer(error)
        except Exception as error:  # a bug of ours, or of somebody's scorer, ends this request alone
            log.exception("failed in the daemon")
            return error_answer(daemon_failed(error))

    def _route(self, request: HttpRequest) -> tuple[tuple[str, ...], Handler] | None:
        return self._routes.get(request.path) or self._routes.get(request.path.rstrip("/"))

    # What stands behind each path.

    async def _run(self, request: HttpRequest) -> Answer:
        wanted = await off_loop(len(request.body), self._runs_of, request.body)
        if isinstance(wanted, Run):
            return Answer(await outcome_json(await self._service.run(wanted, client=request.client)))

        async def ask(run: Run | BadInput) -> bytes:
            return await one_answer(self._service, run, request.client)

        self._service.under_way.refuse_while_draining("run")
        count = len(wanted)
        answers = self._service.batch("run", ask, wanted)
        if request.wants_lines:
            return stream_answer(lines(answers, bytes))
        return await listed(answers, count, self.config.batch_bytes)

    def _runs_of(self, body: bytes) -> Run | list[Run | BadInput]:
        fields = json_body(body)
        if isinstance(fields, list):
            return self._service.parser.runs(fields)
        if not isinstance(fields, dict):
            raise BadInput("body", fields, "expected a map, or a list of maps")
        return self._service.parser.run(fields)

    async def _score(self, request: HttpRequest) -> Answer:
        deadline = _deadline(request)
        size_bytes = len(request.body)
        wanted = await off_loop(size_bytes, self._items_of, request.body)
        if isinstance(wanted, Parsed):
            return _json_answer(await self._service.score(wanted, client=request.client, deadline_seconds=deadline))

        async def ask(item: Parsed) -> dict[str, Any]:
            return await self._service.score_one(item, client=request.client, deadline_seconds=deadline)

        if request.wants_lines:
            self._service.under_way.refuse_while_draining("score")
            return stream_answer(lines(self._service.scored(ask, wanted), _json))
        # As many answers as there were items, each of a bounded size.
        return await off_loop(size_bytes, _json_answer, await self._service.score_all(ask, wanted))

    def _items_of(self, body: bytes) -> Parsed | list[Parsed]:
        wanted = json_body(body)
        return self._service.parser.items(wanted) if isinstance(wanted, list) else self._service.parser.item(wanted)

    async def _readyz(self, request: HttpRequest) -> Answer:
        problem = await self._service.problem()
        return _text(f"{problem or f'ready, {self._service.limits}'}\n", 503 if problem else 200)

    async def _stats(self, request: HttpRequest) -> Answer:
        return json_answer(self._service.stats())

    async def _metrics(self, request: HttpRequest) -> Answer:
        return Answer(self._service.metrics_text().encode(), kind=b"text/plain; version=0.0.4; charset=utf-8")


async def _page(request: HttpRequest) -> Answer:
    return Answer(resources.files("engine.server").joinpath("page.html").read_bytes(), kind=HTML)


async def _ping(request: HttpRequest) -> Answer:
    return json_answer("pong")


async def _healthz(request: HttpRequest) -> Answer:
    return _text("ok\n")


def _text(text: str, status: int = 200) -> Answer:
    return Answer(text.encode(), status, TEXT)


def _json_answer(content: object) -> Answer:
    return json_answer(json_ready(content))


def _json(content: object) -> bytes:
    return _json_answer(content).body


def _deadline(request: HttpRequest) -> float | None:
    text = request.asked("deadline_seconds")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        raise BadInput("deadline_seconds", text, "expected a number above 0") from None
    check_deadline(seconds)
    return seconds
