"""What stands behind the faces: an engine in this process, or something that asks others."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from engine.config.settings import Settings
from engine.engine import Engine
from engine.now import Now
from engine.program import Outcome
from engine.proof.finding import Finding
from engine.scorer import Parsed
from engine.stats import Stats
from engine.wire.cluster import HttpReply
from engine.wire.messages import Run


class Elsewhere(Protocol):
    """Has an HTTP request answered by a node of a cluster."""

    async def __call__(self, path: str, body: bytes, /, *, client: str) -> HttpReply:
        """Raises BadInput, Overloaded, SandboxError where no node answers. Cancelling kills what it runs."""
        ...


class Backend(Protocol):
    """Runs and scores; `client` is whose turn in the queue is taken."""

    async def run(self, request: Run, *, client: str) -> Outcome:
        """One run; raises BadInput, Overloaded, SandboxError."""
        ...

    async def score(self, item: Parsed, *, client: str, deadline_seconds: float | None) -> dict[str, Any]:
        """One item's answer; raises as `run`."""
        ...

    async def run_control(self, *, deadline_seconds: float | None = None) -> None:
        """As `Engine.run_control`."""
        ...

    def stats(self) -> Stats:
        """As `Engine.stats`."""
        ...

    def now(self) -> Now | None:
        """As `Engine.now`; None before a cluster."""
        ...

    def nodes(self) -> list[dict[str, Any]]:
        """Of a cluster each node: `host`, `state`, `slots`, `running`, `under_way`, `problem`."""
        ...

    def ready_lines(self) -> list[str]:
        """What there is, for people."""
        ...

    @property
    def engine(self) -> Engine | None:
        """The one in this process, if there is one."""
        ...

    @property
    def elsewhere(self) -> Elsewhere | None:
        """Where there is no engine in this process: what answers requests that need one."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """As `Engine.findings`."""
        ...

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """As `Engine.not_enforced`."""
        ...


Opened = Callable[[Settings], AbstractAsyncContextManager[Backend]]


class Here:
    """An engine in this process."""

    elsewhere: Elsewhere | None = None

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine | None = engine
        self._engine = engine
        self.stats = engine.stats
        self.run_control = engine.run_control

    async def run(self, request: Run, *, client: str) -> Outcome:
        """See `Engine.run` and `Engine.run_argv`."""
        if request.argv is not None:
            return await self._engine.run_argv(
                request.argv,
                request.stdin,
                request.limits,
                image=request.image,
                collect=request.collect,
                merge_stderr=request.merge_stderr,
                deadline_seconds=request.deadline_seconds,
                client=client,
            )
        return await self._engine.run(
            request.program,
            request.stdin,
            request.limits,
            compile_limits=request.compile_limits,
            collect=request.collect,
            merge_stderr=request.merge_stderr,
            deadline_seconds=request.deadline_seconds,
            client=client,
        )

    async def score(self, item: Parsed, *, client: str, deadline_seconds: float | None) -> dict[str, Any]:
        """See `Scorer.score`."""
        return await item.score(self._engine, client=client, deadline_seconds=deadline_seconds)

    def now(self) -> Now | None:
        """See `Engine.now`."""
        return self._engine.now()

    def nodes(self) -> list[dict[str, Any]]:
        """None: this is one machine."""
        return []

    def ready_lines(self) -> list[str]:
        """Runtime, slots, images, what stays cold."""
        facts = self._engine.facts()
        count = self._engine.stats().slots
        slots = "1 slot" if count == 1 else f"{count} slots"
        cgroup, rootfs, limits = (facts.get(name, "?") for name in ("cgroup", "rootfs", "limits"))
        lines = [f"runtime {facts.get('runtime', '?')} · {slots} · cgroup {cgroup} · rootfs {rootfs} · {limits}"]
        if "images" in facts:
            lines.append(f"images  {facts['images']}")
        if "stays_cold" in facts:
            lines.append(f"warm    {facts['stays_cold']}")
        return lines

    @property
    def findings(self) -> Sequence[Finding]:
        """See `Engine.findings`."""
        return self._engine.findings

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """See `Engine.not_enforced`."""
        return self._engine.not_enforced


@contextlib.asynccontextmanager
async def here(settings: Settings) -> AsyncIterator[Backend]:
    """An engine of these settings, in this process."""
    async with Engine(config=settings.engine) as engine:
        yield Here(engine)
