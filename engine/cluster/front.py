"""A cluster behind the faces of `assay serve`: what Service asks of an engine, asked of the nodes."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from engine.client.nodes import Nodes
from engine.client.ray import connect
from engine.client.ray_transport import takes
from engine.cluster.blueprint import Blueprint
from engine.cluster.start import problems, start
from engine.config.settings import Settings
from engine.engine import Engine
from engine.errors import BadInput, SandboxError
from engine.now import Now
from engine.program import Outcome
from engine.proof import selftest
from engine.proof.finding import Finding
from engine.scorer import Parsed
from engine.server.backend import Backend, Opened
from engine.stats import Stats
from engine.wire.cluster import HTTP, HttpReply, Report
from engine.wire.decode import to_struct
from engine.wire.items import item_to_wire
from engine.wire.messages import Run, outcome_from_wire

_SUMMED: Final = tuple(name for name in Stats.__struct_fields__ if name not in ("verdicts", "sound"))
_NONE: Final = Stats(**dict.fromkeys(_SUMMED, 0), verdicts={}, sound=True)


class Everywhere:
    """The nodes of a cluster, as a backend; `name` keeps the clients of several fronts apart in the nodes' queues."""

    findings: Sequence[Finding] = ()
    engine: Engine | None = None

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._name = uuid.uuid4().hex[:8]

    async def run(self, request: Run, *, client: str) -> Outcome:
        """See `Backend.run`."""
        fields = msgspec.to_builtins(request, builtin_types=(bytes,))
        answer = await self._ask("run", fields, client)
        try:
            return outcome_from_wire(answer)
        except BadInput as error:
            raise SandboxError(f"a node sent something that is not an outcome: {error}") from None

    async def score(self, item: Parsed, *, client: str, deadline_seconds: float | None) -> dict[str, Any]:
        """See `Backend.score`; the item goes as it came, but JSON's long integers with a tag, or not at all."""
        fields: dict[str, Any] = {"item": item_to_wire(item.item, text_only=False)}
        if deadline_seconds is not None:
            fields["deadline_seconds"] = deadline_seconds
        return await self._ask("score", fields, client)

    async def elsewhere(self, path: str, body: bytes, /, *, client: str) -> HttpReply:
        """See `Elsewhere`."""
        answer = await self._ask(HTTP, {"path": path, "body": body}, client)
        try:
            return to_struct(answer, HttpReply)
        except BadInput as error:
            raise SandboxError(f"a node sent something that is no answer: {error}") from None

    async def run_control(self, *, deadline_seconds: float | None = None) -> None:
        """Raises SandboxError unless some node runs programs."""
        if not any(report.state == "ready" and not report.problem for report in self._nodes.reports):
            raise SandboxError(f"no node can run programs: {problems(self._nodes.reports) or 'there is none'}")

    def stats(self) -> Stats:
        """The sums of the nodes that are there."""
        return _summed(self._nodes.reports)

    def now(self) -> Now | None:
        """None: each node has its own."""
        return None

    def nodes(self) -> list[dict[str, Any]]:
        """See `Backend.nodes`."""
        return [
            {
                "host": report.host,
                "state": report.state,
                "slots": report.usable_slots,
                "running": report.stats.get("running", 0),
                "under_way": report.under_way,
                "problem": report.problem,
            }
            for report in sorted(self._nodes.reports, key=lambda report: report.host)
        ]

    def ready_lines(self) -> list[str]:
        """How many nodes and slots there are, and which nodes run no programs."""
        reports = self._nodes.reports
        able = [report for report in reports if report.state == "ready" and not report.problem]
        slots = sum(report.usable_slots for report in able)
        lines = [f"ray  {len(able)} of {len(reports)} nodes run programs · {slots} slots · {_limits(able)}"]
        others = [report for report in reports if report not in able]
        return lines if not others else [*lines, f"     not {problems(others)}"]

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """The limits that do not bite on some node."""
        return tuple(sorted({name for report in self._nodes.reports for name in report.not_enforced}))

    async def _ask(self, op: str, fields: dict[str, Any], client: str) -> dict[str, Any]:
        return await self._nodes.ask(op, fields, client=f"{self._name}/{client}", takes=takes(op, fields))


def everywhere(blueprint: Blueprint, address: str) -> Opened:
    """What opens the nodes for a daemon; they stay when it ends. Raises CannotStart without Ray."""
    # At once: Ray takes SIGTERM for itself, and the daemon then takes it back.
    connect(address)

    @contextlib.asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Backend]:
        nodes = await start(blueprint)
        try:
            yield Everywhere(nodes)
        finally:
            await nodes.close()

    return opened


def _summed(reports: Sequence[Report]) -> Stats:
    total = _NONE
    for report in reports:
        stats = msgspec.convert(report.stats, Stats) if report.stats else _NONE
        verdicts = {**total.verdicts}
        for verdict, count in stats.verdicts.items():
            verdicts[verdict] = verdicts.get(verdict, 0) + count
        sums = {name: getattr(total, name) + getattr(stats, name) for name in _SUMMED}
        sums["slots"] = total.slots + report.usable_slots
        total = Stats(**sums, verdicts=verdicts, sound=True)
    sound = any(report.stats.get("sound", False) for report in reports)
    return msgspec.structs.replace(total, sound=sound)


def _limits(reports: Sequence[Report]) -> str:
    return selftest.summary(tuple(sorted({name for report in reports for name in report.not_enforced})))
