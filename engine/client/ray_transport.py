"""The transport of `ray://` addresses: the nodes of a cluster, from a process that is one of Ray's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from engine.client.nodes import Nodes
from engine.client.ray import connect, own_name
from engine.errors import AssayError
from engine.flow import as_they_come
from engine.wire.cluster import HTTP, Report

SCHEME: Final = "ray://"
_IN_FLIGHT: Final = 1024
_STATS_SECONDS: Final = 60.0


class RayTransport:
    """Opens the nodes at the first request; belongs to one event loop. `client`: its name in the nodes' queues."""

    text_only = False

    def __init__(self, address: str, *, client: str = "") -> None:
        place = address.removeprefix(SCHEME)
        connect(address if place else None)
        self._client = client or own_name()
        self._opening = asyncio.Lock()
        self._nodes: Nodes | None = None

    async def nodes(self) -> Nodes:
        """The nodes, followed; raises CannotStart without a cluster."""
        async with self._opening:
            if self._nodes is None:
                nodes = Nodes()
                await nodes.follow()
                self._nodes = nodes
        return self._nodes

    async def request(self, op: str, fields: dict[str, Any]) -> dict[str, Any]:
        """The answer; raises what the node says. Cancelling kills the run."""
        nodes = await self.nodes()
        if op == "stats":
            await nodes.wait(lambda _: True, seconds=_STATS_SECONDS)
            return summed(nodes.reports)
        return await nodes.ask(op, fields, client=self._client, takes=takes(op, fields))

    async def batch(
        self, op: str, batch: list[dict[str, Any]], fields: dict[str, Any]
    ) -> AsyncGenerator[tuple[int, dict[str, Any] | AssayError], None]:
        """(index, answer or its error) as they come, spread over the nodes. Closing it ends all."""

        async def ask(item: dict[str, Any]) -> dict[str, Any] | AssayError:
            one = {"item": item, **fields} if op == "score" else {**item, **fields}
            try:
                return await self.request(op, one)
            except AssayError as error:
                return error

        async with contextlib.aclosing(as_they_come(ask, batch, _IN_FLIGHT)) as answers:
            async for numbered in answers:
                yield numbered

    async def close(self) -> None:
        """Follow the nodes no more; this process stays one of Ray's."""
        if self._nodes is not None:
            await self._nodes.close()


def takes(op: str, fields: dict[str, Any]) -> Callable[[Report], bool]:
    """Which nodes can take a request: where no program runs, only items whose scoring runs none."""
    if op in ("run", HTTP):
        return lambda report: not report.problem
    item = fields.get("item")
    kind = item.get("kind") if isinstance(item, dict) else None
    return lambda report: report.scores(kind)


def summed(reports: list[Report]) -> dict[str, Any]:
    """The counters of all nodes together, and each node's state."""
    total: dict[str, Any] = {}
    for report in reports:
        for name, value in report.stats.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + (report.usable_slots if name == "slots" else value)
    nodes = [
        {
            "node": report.node,
            "host": report.host,
            "state": report.state,
            "problem": report.problem,
            "under_way": report.under_way,
        }
        for report in reports
    ]
    return {**total, "nodes": nodes}
