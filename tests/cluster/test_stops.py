"""A cluster that is stopped, or whose roster dies: what is left of it, who still asks it, and the next start."""

from __future__ import annotations

import asyncio
import time

import pytest

from assay import Client, Cluster, Program, SandboxError
from engine.wire.cluster import NAMESPACE, ROSTER
from tests.cluster.conftest import NewCluster, followed, reports_of, settings
from tests.support.ray_nodes import RayNodes, alive_of, instance_of
from tests.support.traces import wait_until_nothing

pytestmark = [pytest.mark.kernel, pytest.mark.soak]


async def test_a_cluster_of_other_settings_is_refused(new_cluster: NewCluster) -> None:
    async with new_cluster():
        with pytest.raises(SandboxError, match="an Assay of other settings"):
            async with new_cluster(queue_runs=7):
                pass


async def test_after_a_stop_it_is_said_at_once(new_cluster: NewCluster, ray_nodes: RayNodes) -> None:
    assert ray_nodes.address
    async with Client("ray://") as client:
        async with new_cluster():
            assert (await client.run(Program("print(1)"))).stdout == b"1\n"
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(SandboxError, match="the cluster has been stopped"):
                await client.run(Program("print(1)"))
            assert time.monotonic() - began < 10


async def test_who_asked_before_a_stop_asks_after_the_next_start(new_cluster: NewCluster, ray_nodes: RayNodes) -> None:
    assert ray_nodes.address
    async with Client("ray://") as client:
        async with new_cluster():
            assert (await client.run(Program("print(1)"))).stdout == b"1\n"
        async with new_cluster(queue_runs=7):
            assert (await client.run(Program("print(2)"))).stdout == b"2\n"
            assert len((await client.stats())["nodes"]) == 2


async def test_a_stop_ends_nodes_that_a_new_roster_does_not_know(ray_nodes: RayNodes) -> None:
    import ray

    assert ray_nodes.address
    async with Cluster(settings()) as cluster:
        instances = [instance_of(report) for report in await reports_of(cluster)]
        ray.kill(ray.get_actor(ROSTER, namespace=NAMESPACE), no_restart=False)
        await cluster.stop()
        assert ray.util.list_named_actors(all_namespaces=True) == []
        await asyncio.to_thread(
            wait_until_nothing, lambda: [left for instance in instances for left in alive_of(instance)], 10
        )


async def test_nodes_stay_while_the_roster_is_made_anew(new_cluster: NewCluster) -> None:
    import ray

    async with new_cluster() as cluster, followed() as nodes:
        roster = ray.get_actor(ROSTER, namespace=NAMESPACE)
        ray.kill(roster, no_restart=False)
        until = time.monotonic() + 15
        while time.monotonic() < until:
            assert [report.state for report in nodes.reports] == ["ready"] * 2
            await asyncio.sleep(0.02)
        assert [report.state for report in await roster.reports.remote()] == ["ready"] * 2
        assert (await cluster.run(Program("print(1)"))).stdout == b"1\n"
