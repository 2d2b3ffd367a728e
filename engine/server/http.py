"""The HTTP face: Starlette routes behind the gate, served by uvicorn with httptools."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from engine.config.server import LOOPBACK_HOSTS, is_loopback
from engine.errors import AssayError, BadInput, SandboxError
from engine.flow import off_loop
from engine.program import Outcome
from engine.scorer import Parsed
from engine.server.answers import ClientGone, error_response, json_response
from engine.server.body import read_body, while_connected
from engine.server.decode import json_body
from engine.server.gate import Gate
from engine.server.http_protocol import protocol_for
from engine.server.listen import BACKLOG
from engine.server.run_code import run_code
from engine.server.service import Service
from engine.wire.bytes import json_ready
from engine.wire.messages import Run, check_deadline, outcome_to_wire

log = logging.getLogger("assay.server")


def http_app(service: Service, *, host: str) -> ASGIApp:
    """The application; `host` is the address that it is bound to."""
    loopback = is_loopback(host)
    hosts = LOOPBACK_HOSTS | {host.lower()} | {name.lower() for name in service.config.hosts}
    routes = [
        Route("/v1/run", _Endpoint(service).run, methods=["POST"]),
        Route("/v1/score", _Endpoint(service).score, methods=["POST"]),
        Route("/v1/ping", _ping),
        Route("/run_code", _Endpoint(service).run_code, methods=["POST"]),
        Route("/healthz", _healthz),
        Route("/readyz", _Endpoint(service).readyz),
        Route("/v1/stats", _Endpoint(service).stats),
        Route("/metrics", _Endpoint(service).metrics),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={AssayError: _assay_error, HTTPException: _http_error, ClientGone: _gone, Exception: _bug},
    )
    return Gate(app, hosts=hosts if loopback else None, token=service.token)


def client_of(request: Request) -> str:
    """The name under which the request's connection takes its turns in the queue."""
    return f"http-{request.client.host}:{request.client.port}" if request.client else "http"


class _Endpoint:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def _body(self, request: Request) -> bytes:
        config = self._service.config
        return await read_body(request, cap=config.request_bytes, seconds=config.request_seconds)

    async def run(self, request: Request) -> Response:
        body = await self._body(request)
        wanted = await off_loop(len(body), self._run_of, body)
        outcome = await while_connected(request, self._service.run(wanted, client=client_of(request)))
        return await off_loop(outcome.size_bytes, _outcome_response, outcome)

    def _run_of(self, body: bytes) -> Run:
        fields = json_body(body)
        if not isinstance(fields, dict):
            raise BadInput("body", fields, "expected a map")
        wanted = self._service.request_from("run", fields)
        assert isinstance(wanted, Run)
        return wanted

    async def score(self, request: Request) -> Response:
        deadline = _deadline(request)
        body = await self._body(request)
        wanted = await off_loop(len(body), self._items_of, body)
        client = client_of(request)
        answer: object
        if isinstance(wanted, list):
            work = self._service.score_all(wanted, client=client, deadline_seconds=deadline)
            answer = await while_connected(request, work)
        else:
            answer = await while_connected(
                request, self._service.score(wanted, client=client, deadline_seconds=deadline)
            )
        # As many answers as there were items, each of a bounded size.
        return await off_loop(len(body), _answer_response, answer)

    def _items_of(self, body: bytes) -> Parsed | list[Parsed]:
        wanted = json_body(body)
        return self._service.parsed_list(wanted) if isinstance(wanted, list) else self._service.parsed(wanted)

    async def run_code(self, request: Request) -> Response:
        return await run_code(self._service, request, client=client_of(request))

    async def readyz(self, request: Request) -> Response:
        problem = await self._service.problem()
        return PlainTextResponse(f"{problem or f'ready, {self._service.limits}'}\n", 503 if problem else 200)

    async def stats(self, request: Request) -> Response:
        return json_response(self._service.stats())

    async def metrics(self, request: Request) -> Response:
        return PlainTextResponse(self._service.metrics_text(), media_type="text/plain; version=0.0.4")


def _outcome_response(outcome: Outcome) -> Response:
    return json_response(json_ready(outcome_to_wire(outcome)))


def _answer_response(answer: object) -> Response:
    return json_response(json_ready(answer))


async def _ping(request: Request) -> Response:
    return json_response("pong")


async def _healthz(request: Request) -> Response:
    return PlainTextResponse("ok\n")


def _deadline(request: Request) -> float | None:
    text = request.query_params.get("deadline_seconds")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        raise BadInput("deadline_seconds", text, "expected a number above 0") from None
    check_deadline(seconds)
    return seconds


async def _assay_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AssayError)
    log.info("request=%s %s", request.state.request_id, error)
    return error_response(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    field = "method" if error.status_code == 405 else "path"
    value = request.method if error.status_code == 405 else request.url.path
    return error_response(BadInput(field, value, error.detail.lower()), error.status_code)


async def _gone(request: Request, error: Exception) -> Response:
    log.info("request=%s the client disconnected, its run was killed", request.state.request_id)
    return Response(status_code=499)


async def _bug(request: Request, error: Exception) -> Response:
    # uvicorn logs the traceback.
    log.error("request=%s failed in the daemon: %r", request.state.request_id, error)
    return error_response(SandboxError(f"the daemon failed: {type(error).__name__}, see its log"))


class HttpServer(uvicorn.Server):
    """uvicorn on a bound socket, without a say in signals."""

    def __init__(self, service: Service, *, host: str) -> None:
        super().__init__(
            uvicorn.Config(
                http_app(service, host=host),
                http=protocol_for(service),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=service.config.keep_alive_seconds,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The daemon alone handles signals."""
        yield

    def stop_accepting(self) -> None:
        """Refuse new connections and requests; `serve` returns once those under way are answered."""
        self.should_exit = True

    async def end(self) -> None:
        """End what is still under way; the programs are killed."""
        self.should_exit = self.force_exit = True
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
