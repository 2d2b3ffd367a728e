"""What both faces do with a request, and the count of what is under way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

import msgspec

from engine.config.settings import Settings
from engine.engine import Engine
from engine.errors import BadInput, Overloaded, SandboxError
from engine.program import Outcome
from engine.proof import selftest
from engine.scorer import Parsed, Scorers, parsed_item
from engine.server.metrics import Metrics
from engine.wire.messages import PROTOCOL_VERSION, Request, Run, request_from

# Items of one list under way for each slot: enough to keep the slots busy, too few to fill the queue.
_ITEMS_PER_SLOT: Final = 8
_CONTROL_SECONDS: Final = 5.0
# Of the engine's numbers, those that only grow.
_ENGINE_COUNTS: Final = ("runs", "faults", "not_judged", "refused", "expired", "compiles", "compiles_spared")


class Service:
    """Runs and scores for any face; counts every request; refuses new ones once it drains."""

    def __init__(self, engine: Engine, scorers: Scorers, settings: Settings, token: str = "") -> None:
        self.engine = engine
        self.engine_config = settings.engine
        self.config = settings.server
        self.metrics = Metrics()
        for finding in engine.findings:
            self.metrics.limit_enforced.set(finding.enforced, finding.name)
        self.token = token
        self.draining = False
        self._scorers = scorers
        self._started = time.monotonic()
        self.held_bytes = 0
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def request_from(self, op: str, fields: dict[str, Any]) -> Request:
        """The request in a decoded map; limits that it leaves out are this daemon's; raises BadInput."""
        defaults = self.engine_config
        return request_from(op, fields, limits=defaults.limits, compile_limits=defaults.compile_limits)

    @contextlib.contextmanager
    def holding(self, size_bytes: int) -> Iterator[None]:
        """Count the bytes of a request that is kept in memory."""
        self.held_bytes += size_bytes
        try:
            yield
        finally:
            self.held_bytes -= size_bytes

    async def run(self, request: Run, *, client: str, op: str = "run") -> Outcome:
        """One run; raises BadInput, Overloaded, SandboxError."""
        with self._counted(op):
            try:
                outcome = await self._outcome(request, client)
            except SandboxError:
                self._judged(op, None, request.text)
                raise
            self._judged(op, outcome.verdict.value, request.text)
            self.metrics.queue_seconds.observe(outcome.queue_seconds)
            self.metrics.wall_seconds.observe(outcome.wall_seconds)
            self.metrics.cpu_seconds.observe(outcome.cpu_seconds)
            return outcome

    async def _outcome(self, request: Run, client: str) -> Outcome:
        if request.argv is not None:
            return await self.engine.run_argv(
                request.argv,
                request.stdin,
                request.limits,
                image=request.image,
                collect=request.collect,
                merge_stderr=request.merge_stderr,
                deadline_seconds=request.deadline_seconds,
                client=client,
            )
        return await self.engine.run(
            request.program,
            request.stdin,
            request.limits,
            compile_limits=request.compile_limits,
            collect=request.collect,
            merge_stderr=request.merge_stderr,
            deadline_seconds=request.deadline_seconds,
            client=client,
        )

    def parsed(self, wanted: object) -> Parsed:
        """One item, parsed by its scorer; raises BadInput."""
        return parsed_item(self._scorers, wanted)

    def parsed_list(self, wanted: list[object]) -> list[Parsed]:
        """Many items; raises BadInput, whose field begins with the item's index, if one of them is wrong."""
        items = []
        for index, item in enumerate(wanted):
            if not isinstance(item, dict):
                raise BadInput(f"[{index}]", item, "expected a map")
            try:
                items.append(self.parsed(item))
            except BadInput as error:
                raise error.below(f"[{index}]") from None
        return items

    async def score(self, item: Parsed, *, client: str, deadline_seconds: float | None) -> dict[str, Any]:
        """One item's answer; raises Overloaded, SandboxError."""
        with self._counted("score"):
            return await self._scored(item, client, deadline_seconds)

    async def score_all(
        self, items: list[Parsed], *, client: str, deadline_seconds: float | None
    ) -> list[dict[str, Any]]:
        """The answers in order; a fault leaves its item not judged. Empties `items`.

        Raises BadInput, and ends the others, for an item that only the engine finds wrong (an image that is not here).
        """
        answers: list[dict[str, Any]] = [{}] * len(items)
        # Each goes when it has been scored: to free all of a large body's at once would stop the other clients.
        turns = deque(enumerate(items))
        items.clear()
        beginning = asyncio.Lock()

        async def worker() -> None:
            while turns:
                index, item = turns.popleft()
                # An item of which nothing is run never waits: one begins, then the other clients have their turn.
                async with beginning:
                    await asyncio.sleep(0)
                try:
                    answers[index] = await self._scored(item, client, deadline_seconds)
                except (Overloaded, SandboxError) as error:
                    not_judged = {"reward": None, "not_judged": str(error), **self._degraded}
                    answers[index] = {**_id_of(item.item), **not_judged}
                except BadInput as error:
                    raise error.below(f"[{index}]") from None

        with self._counted("score"):
            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(min(len(turns), _ITEMS_PER_SLOT * self.engine.stats().slots)):
                        workers.create_task(worker())
            except BaseExceptionGroup as group:
                # The first one says it; the others were cancelled or say the same of another item.
                raise group.exceptions[0] from None
        return answers

    async def _scored(self, item: Parsed, client: str, deadline_seconds: float | None) -> dict[str, Any]:
        text = item.item.get("completion")
        text = text if isinstance(text, str) else ""
        try:
            answer = await item.score(self.engine, client=client, deadline_seconds=deadline_seconds)
        except SandboxError:
            self._judged("score", None, text)
            raise
        verdict = answer.get("verdict") if answer.get("not_judged") is None else None
        self._judged("score", None if answer.get("not_judged") is not None else str(verdict or "none"), text)
        return {**_id_of(item.item), **answer, **self._degraded}

    @property
    def _degraded(self) -> dict[str, Any]:
        names = self.engine.not_enforced
        return {"not_enforced": list(names)} if names else {}

    def _judged(self, op: str, verdict: str | None, text: str) -> None:
        self.metrics.shares.count(text, judged=verdict is not None)
        if verdict is None:
            self.metrics.not_judged.add(op)
        else:
            self.metrics.verdicts.add(op, verdict)

    @contextlib.contextmanager
    def _counted(self, op: str) -> Iterator[None]:
        if self.draining:
            self.metrics.requests.add(op, "overloaded")
            raise Overloaded("the daemon is stopping and takes no new work")
        self._under_way += 1
        self._idle.clear()
        began = time.monotonic()
        answer = "sandbox"
        try:
            yield
            answer = "ok"
        except BadInput:
            answer = "bad_input"
            raise
        except Overloaded:
            answer = "overloaded"
            raise
        except asyncio.CancelledError:
            answer = "cancelled"
            raise
        finally:
            self.metrics.requests.add(op, answer)
            self.metrics.request_seconds.observe(time.monotonic() - began, op)
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def drained(self) -> None:
        """Take nothing new and wait until nothing is under way."""
        self.draining = True
        await self._idle.wait()

    async def problem(self) -> str | None:
        """Why work should go elsewhere, or None."""
        if self.draining:
            return "stopping"
        if self.engine.stats().sound:
            return None
        # Nobody sends work to a daemon that is not ready: only a run of our own can find it sound again.
        try:
            await self.engine.run_control(deadline_seconds=_CONTROL_SECONDS)
        except (Overloaded, SandboxError) as error:
            return str(error)
        return None

    @property
    def limits(self) -> str:
        """Whether every limit bites, for people."""
        return selftest.summary(self.engine.not_enforced)

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
            **msgspec.to_builtins(self.engine.stats()),
            "requests_under_way": self._under_way,
            "up_seconds": time.monotonic() - self._started,
            "draining": self.draining,
            "not_enforced": list(self.engine.not_enforced),
            "kinds": sorted(self._scorers),
        }

    def metrics_text(self) -> str:
        """The page of /metrics."""
        numbers = {name: value for name, value in self.stats().items() if isinstance(value, int | float)}
        return self.metrics.text(
            counts={f"engine_{name}": numbers.pop(name) for name in _ENGINE_COUNTS},
            gauges=numbers,
        )


def _id_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"id": item["id"]} if "id" in item else {}


def assay_version() -> str:
    """The installed version of Assay."""
    return version("assay")
