from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.config.cluster import ClusterConfig
from engine.config.engine import EngineConfig
from engine.config.settings import Settings
from engine.wire.cluster import Report
from tests.support.ray_nodes import RESOURCE, RayNodes

if TYPE_CHECKING:
    from engine.client.nodes import Nodes

# Nothing is told to Ray's authors, and a warning of its next release is none of ours.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"

NewCluster = Callable[..., AbstractAsyncContextManager[Any]]


def settings(*, rewards: Mapping[str, Any] | None = None, **engine: Any) -> Settings:
    return Settings(
        engine=EngineConfig(**{"slots": 8, **engine}), cluster=ClusterConfig(resource=RESOURCE), rewards=rewards or {}
    )


@pytest.fixture(scope="module")
def ray_nodes() -> Iterator[RayNodes]:
    """Ray with two nodes, for a file's tests: each starts Assay in it, and ends it."""
    pytest.importorskip("ray", reason="needs ray: pip install 'assay[ray]'")
    terminate = signal.getsignal(signal.SIGTERM)
    nodes = RayNodes()
    try:
        nodes.add()
        nodes.add()
        yield nodes
    finally:
        nodes.shutdown()
        # Ray takes it for itself.
        signal.signal(signal.SIGTERM, terminate)


@pytest.fixture
def new_cluster(ray_nodes: RayNodes) -> NewCluster:
    """`async with new_cluster(slots=4) as cluster`: stopped in the end, on every node."""
    from assay import Cluster

    @asynccontextmanager
    async def started(**given: Any) -> AsyncIterator[Any]:
        async with Cluster(settings(**given)) as cluster:
            try:
                yield cluster
            finally:
                await cluster.stop()

    return started


async def wait_for(look: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until a look is true."""
    until = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < until, f"not so after {seconds} s"
        await asyncio.sleep(0.02)


def settings_file(place: Path) -> Path:
    """Four slots on each node."""
    path = place / "assay.toml"
    path.write_text(f'[engine]\nslots = 4\n[cluster]\nresource = "{RESOURCE}"\n')
    return path


@asynccontextmanager
async def followed() -> AsyncIterator[Nodes]:
    """The nodes of the cluster that runs, once all are ready."""
    from engine.client.nodes import Nodes

    nodes = Nodes()
    await nodes.open(lambda reports: bool(reports) and all(each.state == "ready" for each in reports), seconds=30)
    try:
        yield nodes
    finally:
        await nodes.close()


async def reports_of(cluster: object) -> list[Report]:
    """What each node says."""
    async with followed() as nodes:
        return nodes.reports
