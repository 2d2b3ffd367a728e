"""The actor of one node: an engine and the scorers, the Ray face of the same service that HTTP and the socket have."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.cluster.blueprint import Blueprint
from engine.config.settings import Settings
from engine.engine import Engine
from engine.errors import AssayError, BadInput, CannotStart, Overloaded, SandboxError
from engine.flow import off_loop
from engine.machine.resources import cores
from engine.scorer import Scorers, runs_programs, with_own
from engine.server import run_jupyter
from engine.server.backend import Here
from engine.server.request import HttpRequest
from engine.server.routes import Route
from engine.server.service import Service
from engine.server.verdicts import noted
from engine.trace import collected
from engine.wire.cluster import HTTP, HttpReply, NodeState, PassedOn, Reply, Report, Told
from engine.wire.decode import decode_msgpack, to_struct
from engine.wire.messages import Run, Score, error_body, outcome_to_wire

log = logging.getLogger("assay.cluster")
# Beside what is in the engine's queue: items that run nothing, and what has a slot.
CALLS: Final = 8192


class Node:
    """Starts at the first call, as Ray may have made it anew; belongs to the event loop that Ray gives it."""

    def __init__(self, blueprint: Blueprint, node: str, host: str) -> None:
        self._blueprint = blueprint
        self._node = node
        self._host = host
        self._starting = asyncio.Lock()
        self._live: _Live | None = None
        self._state: NodeState = "ready"
        self._under_way = 0

    async def report(self) -> Report:
        """How this node is; starts it."""
        live = await self._started()
        return Report(
            node=self._node,
            host=self._host,
            state=self._state,
            problem=await self._problem(live),
            kinds=live.kinds,
            under_way=self._under_way,
            capacity=live.capacity,
            cores=cores(),
            stats=msgspec.to_builtins(live.engine.stats()),
            facts=live.facts,
            not_enforced=live.engine.not_enforced,
        )

    async def here(self) -> None:
        """Answers at once as long as this process does anything."""

    async def ask(self, op: str, body: bytes, client: str, traced: bool = False) -> Reply:
        """Answer one request, and tell how it went if it is traced; cancelling the call kills what it runs."""
        if not traced:
            return await self._reply(op, body, client)
        with collected() as trace:
            reply = await self._reply(op, body, client)
            return msgspec.structs.replace(reply, told=Told(parts=trace.parts, seconds=trace.seconds))

    async def _reply(self, op: str, body: bytes, client: str) -> Reply:
        live = await self._started()
        if self._leaves():
            return Reply(under_way=self._under_way + 1, leaving=True)
        self._under_way += 1
        try:
            if self._under_way > live.capacity:
                raise Overloaded(f"the node is full: {live.capacity} requests are in")
            answer = await _answered(live, op, body, client)
            return Reply(under_way=self._under_way, answer=await off_loop(len(body), msgspec.msgpack.encode, answer))
        except AssayError as error:
            # Whoever was let in just before the node began to drain has not been run either.
            leaving = self._leaves() and isinstance(error, Overloaded)
            return Reply(under_way=self._under_way, error=error_body(error), leaving=leaving)
        finally:
            self._under_way -= 1

    async def drain(self) -> Report:
        """Take nothing new, wait until nothing is under way, and end the engine: its slots go."""
        live = await self._started()
        self._state = "draining"
        await live.service.under_way.drained()
        await live.resources.aclose()
        self._state = "drained"
        return await self.report()

    async def close(self) -> None:
        """Take nothing new, kill what runs, and end the engine."""
        if self._live is not None and self._state != "drained":
            self._state = "drained"
            await self._live.resources.aclose()

    def _leaves(self) -> bool:
        return self._state != "ready"

    async def _problem(self, live: _Live) -> str:
        """Why no program runs here: since the start, or since a fault of ours after which none has ended well."""
        if live.problem or self._leaves():
            return live.problem
        # Or it would be the first to answer, with faults, and so the least loaded.
        problem = await live.service.problem()
        return problem if problem and not live.engine.stats().sound else ""

    async def _started(self) -> _Live:
        if self._live is None:
            async with self._starting:
                if self._live is None:
                    self._live = await _Live.started(self._blueprint)
        return self._live


class _Live:
    """What there is once a node has started."""

    def __init__(
        self, settings: Settings, engine: Engine, scorers: Scorers, routes: Mapping[str, Route], problem: str
    ) -> None:
        self.engine = engine
        self.capacity = min(settings.engine.queue_runs + engine.stats().slots, CALLS)
        self.problem = problem
        self.facts = {} if problem else engine.facts()
        self.kinds = {kind: runs_programs(scorer) for kind, scorer in scorers.items()}
        self.service = Service(Here(engine), scorers, settings)
        self.routes = {**run_jupyter.ROUTES, **routes}
        self.resources = contextlib.AsyncExitStack()

    @staticmethod
    async def started(blueprint: Blueprint) -> _Live:
        """Start what can be started here: without a sandbox the node still scores what runs nothing."""
        settings = blueprint.settings_here()
        async with contextlib.AsyncExitStack() as undo:
            served = await undo.enter_async_context(blueprint.serving(settings))
            scorers = with_own(served.scorers, blueprint.own)
            engine = Engine(config=settings.engine)
            problem = ""
            try:
                await undo.enter_async_context(engine)
            except (BadInput, CannotStart) as error:
                # A rootfs or an image that this machine does not have is BadInput.
                problem = str(error)
                log.warning("no program runs on this node: %s", problem)
            live = _Live(settings, engine, scorers, served.routes, problem)
            live.resources = undo.pop_all()
        return live


async def _answered(live: _Live, op: str, body: bytes, client: str) -> dict[str, Any] | HttpReply:
    service = live.service
    fields = await off_loop(len(body), decode_msgpack, body)
    if op == HTTP:
        return await _answered_over_http(live, to_struct(fields, PassedOn), client)
    request = await off_loop(len(body), service.parser.request, op, fields)
    match request:
        case Run():
            return outcome_to_wire(await service.run(request, client=client))
        case Score():
            item = await off_loop(len(body), service.parser.item, request.item)
            return await service.score(item, client=client, deadline_seconds=request.deadline_seconds)
        case _:
            raise BadInput("op", op, f"expected run, score or {HTTP}")


async def _answered_over_http(live: _Live, asked: PassedOn, client: str) -> HttpReply:
    """Raises Overloaded, so that the front asks elsewhere; other errors are the front's to tell."""
    route = live.routes.get(asked.path)
    if route is None or route.engine_op is None:
        raise BadInput("path", asked.path, "none that a node answers")
    request = HttpRequest(client)
    request.method, request.path, request.body = "POST", asked.path, asked.body
    with noted() as judged:
        try:
            answer = await live.service.answered(route.engine_op, request, route.answer)
        except (BadInput, SandboxError) as error:
            return HttpReply(error=error_body(error), judged=tuple(judged))
    return HttpReply(status=answer.status, kind=answer.kind, body=answer.body, judged=tuple(judged))
