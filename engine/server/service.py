"""What both faces do with a request."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from importlib.metadata import version
from typing import Any, Final, TypeVar

import msgspec

from engine.config.settings import Settings
from engine.engine import Engine
from engine.errors import AssayError, BadInput, Overloaded, SandboxError
from engine.log import ABOUT
from engine.program import Outcome
from engine.proof import selftest
from engine.scorer import Labelled, Parsed, Scorers, Together
from engine.server.answers import Answer
from engine.server.backend import Backend, Elsewhere
from engine.server.batch import Numbered, each
from engine.server.held import Held
from engine.server.metrics import Metrics, digest_of
from engine.server.parser import Parser
from engine.server.request import HttpRequest
from engine.server.together import scored
from engine.server.traces import Tracing
from engine.server.under_way import UnderWay
from engine.server.verdicts import Verdicts
from engine.wire.cluster import Judged
from engine.wire.messages import PROTOCOL_VERSION, Run, error_from_wire

_T = TypeVar("_T")
_R = TypeVar("_R")
# Of one batch, what is under way for each slot: enough to keep the slots busy, too few to fill the queue.
_ITEMS_PER_SLOT: Final = 8
_CONTROL_SECONDS: Final = 5.0
# Of the engine's numbers, those that only grow.
_ENGINE_COUNTS: Final = (
    "runs",
    "faults",
    "evicted",
    "not_judged",
    "refused",
    "expired",
    "compiles",
    "compiles_spared",
)


class Service:
    """Runs and scores for any face; counts every request; refuses new ones once it drains."""

    def __init__(
        self, backend: Backend, scorers: Scorers, settings: Settings, token: str = "", tracing: Tracing | None = None
    ) -> None:
        self._backend = backend
        self._tracing = tracing
        self.engine_config = settings.engine
        self.config = settings.server
        self.parser = Parser(scorers, settings)
        self.metrics = Metrics()
        self.under_way = UnderWay(self.metrics)
        self._verdicts = Verdicts(self.metrics)
        for finding in backend.findings:
            self.metrics.limit_enforced.set(finding.enforced, finding.name)
        self.token = token
        self._scorers = scorers
        self._labelled = {kind: scorer for kind, scorer in scorers.items() if isinstance(scorer, Labelled)}
        # Many go together where they are judged; before a cluster each goes to a node.
        here = scorers if backend.engine is not None else {}
        self._together = frozenset(kind for kind, scorer in here.items() if isinstance(scorer, Together))
        self._started = time.monotonic()
        self.held = Held(settings.server.held_bytes)

    @property
    def engine(self) -> Engine:
        """The engine in this process; raises SandboxError where the faces stand before a cluster."""
        if self._backend.engine is None:
            raise SandboxError("this needs an engine of its own, and here is a front of a cluster")
        return self._backend.engine

    @contextlib.contextmanager
    def about(self, request_id: str, traced: str, *, client: str, traceparent: str = "") -> Iterator[None]:
        """What is logged in it is about this request, and so is a trace, where `traced` gives the request a name."""
        outer = ABOUT.set({"request": request_id, "client": client})
        try:
            if self._tracing is None or not traced:
                yield
            else:
                told = {"assay.request": request_id, "assay.client": client}
                with self._tracing.request(traced, told, traceparent):
                    yield
        finally:
            ABOUT.reset(outer)

    async def run(self, request: Run, *, client: str, op: str = "run") -> Outcome:
        """One run; raises BadInput, Overloaded, SandboxError."""
        with self.under_way.counted(op):
            return await self.run_one(request, client=client, op=op)

    async def run_one(self, request: Run, *, client: str, op: str = "run") -> Outcome:
        """As `run`, for one of a batch, which is counted as a whole."""
        try:
            outcome = await self._backend.run(request, client=client)
        except SandboxError as error:
            self.judged(op, None, request.text, fault=error)
            raise
        self.judged(op, outcome.verdict.value, request.text)
        self.metrics.queue_seconds.observe(outcome.queue_seconds)
        self.metrics.wall_seconds.observe(outcome.wall_seconds)
        self.metrics.cpu_seconds.observe(outcome.cpu_seconds)
        return outcome

    async def score(self, item: Parsed, *, client: str, deadline_seconds: float | None) -> dict[str, Any]:
        """One item's answer; raises Overloaded, SandboxError."""
        with self.under_way.counted("score"):
            return await self.score_one(item, client=client, deadline_seconds=deadline_seconds)

    async def batch(self, op: str, ask: Callable[[_T], Coroutine[Any, Any, _R]], asks: list[_T]) -> Numbered[_R]:
        """(index, answer or its error) as they come; closing it ends the rest. Empties `asks`."""
        with self.under_way.counted(op):
            async with contextlib.aclosing(each(ask, asks, self._batch_in_flight)) as answers:
                async for numbered in answers:
                    yield numbered

    @property
    def _batch_in_flight(self) -> int:
        # A cluster may have no slot at the moment, and maths needs none.
        return max(1, min(_ITEMS_PER_SLOT * self._backend.stats().slots, self.config.client_runs))

    async def scored(
        self, ask: Callable[[Parsed], Coroutine[Any, Any, dict[str, Any]]], items: list[Parsed]
    ) -> Numbered[dict[str, Any]]:
        """(index, answer or its error) as they come; closing it ends the rest. Empties `items`.

        ask  scores one of those that may have to wait
        """
        with self.under_way.counted("score"):
            answers = scored(items, self._together, self._told, ask, self._batch_in_flight)
            async with contextlib.aclosing(answers) as numbered:
                async for index, answer in numbered:
                    yield index, answer

    async def score_all(
        self, ask: Callable[[Parsed], Coroutine[Any, Any, dict[str, Any]]], items: list[Parsed]
    ) -> list[dict[str, Any]]:
        """The answers in order, by `ask` for each; a fault leaves its item not judged. Empties `items`.

        Raises BadInput, and ends the others, for an item that only the engine finds wrong (an image that is not here).
        """
        answers = [_id_of(item.item) for item in items]
        async with contextlib.aclosing(self.scored(ask, items)) as numbered:
            async for index, answer in numbered:
                if isinstance(answer, BadInput):
                    raise answer.below(f"[{index}]")
                if isinstance(answer, AssayError):
                    answers[index] |= {"reward": None, "not_judged": str(answer), **self._degraded}
                else:
                    answers[index] = answer
        return answers

    async def score_one(self, item: Parsed, *, client: str, deadline_seconds: float | None) -> dict[str, Any]:
        """As `score`, for one of a batch, which is counted as a whole."""
        try:
            answer = await self._backend.score(item, client=client, deadline_seconds=deadline_seconds)
        except SandboxError as error:
            self.judged("score", None, _text_of(item), fault=error)
            raise
        return self._told(item, answer)

    def _told(self, item: Parsed, answer: dict[str, Any]) -> dict[str, Any]:
        if (labelled := self._labelled.get(item.scorer.kind)) is not None:
            self.metrics.judged.add(labelled.kind, *labelled.labels(answer))
        verdict = None if answer.get("not_judged") is not None else str(answer.get("verdict") or "none")
        self.judged("score", verdict, _text_of(item), why=str(answer.get("not_judged")))
        return {**_id_of(item.item), **answer, **self._degraded}

    @property
    def _degraded(self) -> dict[str, Any]:
        # Before a cluster the answer has those of the node that gave it.
        names = self._backend.not_enforced if self._backend.engine is not None else ()
        return {"not_enforced": list(names)} if names else {}

    async def answered(
        self, op: str, request: HttpRequest, work: Callable[[Service, HttpRequest], Awaitable[Answer]]
    ) -> Answer:
        """What `work` answers, which needs an engine: here, or before a cluster on a node; raises as that."""
        with self.under_way.counted(op):
            if self._backend.elsewhere is None:
                return await work(self, request)
            return await self._answered_there(self._backend.elsewhere, op, request)

    async def _answered_there(self, elsewhere: Elsewhere, op: str, request: HttpRequest) -> Answer:
        try:
            reply = await elsewhere(request.path.rstrip("/"), request.body, client=request.client)
        except SandboxError as error:
            # The front has not read what the program is: the request itself is what may come again.
            self._verdicts.count(Judged(op=op, program=digest_of(request.body), why=str(error), fault=True))
            raise
        for verdict in reply.judged:
            self._verdicts.count(verdict)
        if reply.error is not None:
            raise error_from_wire(reply.error)
        return Answer(reply.body, reply.status, reply.kind)

    def judged(
        self, op: str, verdict: str | None, text: str, *, why: str = "", fault: SandboxError | None = None
    ) -> None:
        """Count one verdict about the program or completion `text`; None: it was not judged, for `why` or a `fault`."""
        program = digest_of(text.encode("utf-8", "surrogatepass"))
        why = why if fault is None else str(fault)
        self._verdicts.count(Judged(op=op, program=program, verdict=verdict, why=why, fault=fault is not None))

    async def problem(self) -> str | None:
        """Why work should go elsewhere, or None."""
        if self.under_way.draining:
            return "stopping"
        if self._backend.stats().sound:
            return None
        # Nobody sends work to a daemon that is not ready: only a run of our own can find it sound again.
        try:
            await self._backend.run_control(deadline_seconds=_CONTROL_SECONDS)
        except (Overloaded, SandboxError) as error:
            return str(error)
        return None

    @property
    def limits(self) -> str:
        """Whether every limit bites, for people."""
        return selftest.summary(self._backend.not_enforced)

    def hello(self) -> dict[str, Any]:
        """Who answers here."""
        return {
            "protocol": PROTOCOL_VERSION,
            "version": assay_version(),
            "kinds": sorted(self._scorers),
            "limits": self.limits,
        }

    def stats(self) -> dict[str, Any]:
        """Counters of the engine and of this daemon."""
        return {
            **msgspec.to_builtins(self._backend.stats()),
            "requests_under_way": self.under_way.number,
            "up_seconds": time.monotonic() - self._started,
            "draining": self.under_way.draining,
            "now": msgspec.to_builtins(self._backend.now()),
            "nodes": self._backend.nodes(),
            "minutes": self._verdicts.minutes(),
            "not_enforced": list(self._backend.not_enforced),
            "kinds": sorted(self._scorers),
        }

    def metrics_text(self) -> str:
        """The page of /metrics."""
        numbers = {name: value for name, value in self.stats().items() if isinstance(value, int | float)}
        return self.metrics.text(
            counts={f"engine_{name}": numbers.pop(name) for name in _ENGINE_COUNTS},
            gauges=numbers,
        )


def _text_of(item: Parsed) -> str:
    text = item.item.get("completion") or item.item.get("answer")
    return text if isinstance(text, str) else ""


def _id_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"id": item["id"]} if "id" in item else {}


def assay_version() -> str:
    """The installed version of Assay."""
    return version("assay")
