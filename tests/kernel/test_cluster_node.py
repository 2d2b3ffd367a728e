"""A node of a cluster by itself, without Ray: what it says of an engine that has come to grief."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from engine.cluster.blueprint import Blueprint
from engine.cluster.node import Node
from engine.config.engine import EngineConfig
from engine.config.settings import Settings
from engine.server.routes import Served
from engine.wire.cluster import Report
from tests.support.traces import cgroups

pytestmark = [pytest.mark.kernel, pytest.mark.cgroup2]


@contextlib.asynccontextmanager
async def nothing(_: Settings) -> AsyncIterator[Served]:
    yield Served({}, {})


async def report_when(node: Node, *, problem: bool) -> Report:
    for _ in range(100):
        report = await node.report()
        if bool(report.problem) is problem:
            return report
        await asyncio.sleep(0.1)
    raise AssertionError("never so")


async def test_a_node_that_runs_nothing_any_more_says_so_until_it_does() -> None:
    settings = Settings(engine=EngineConfig(slots=2))
    node = Node(Blueprint.of(settings, nothing), "n", "host")
    run = msgspec.msgpack.encode({"source": "echo 1", "language": "bash"})
    try:
        report = await report_when(node, problem=False)
        [limit] = [group / "pids.max" for group in cgroups(report.facts["instance"]) if (group / "pids.max").exists()]
        # No child of a keeper's, and no keeper, can be made.
        limit.write_text("0")
        replies = [await node.ask("run", run, "") for _ in range(3)]
        assert replies[-1].error is not None
        assert replies[-1].error.kind == "sandbox"
        assert "slot" in (await report_when(node, problem=True)).problem
        limit.write_text("max")
        await report_when(node, problem=False)
        assert (await node.ask("run", run, "")).error is None
    finally:
        await node.close()
