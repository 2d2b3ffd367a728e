"""5,000 jobs on three nodes, while a worker, an actor and a raylet are killed, each in the middle of them."""

from __future__ import annotations

import asyncio

import pytest

from assay import Engine, Limits, Program, Verdict
from engine.client.nodes import Nodes
from tests.cluster.conftest import NewCluster, reports_of, wait_for
from tests.cluster.test_cluster import job
from tests.support.ray_nodes import RayNodes, alive_of, instance_of, kill_worker, left_of
from tests.support.traces import wait_until_nothing

pytestmark = [pytest.mark.kernel, pytest.mark.soak, pytest.mark.timeout(1200)]

JOBS = 5_000
IN_FLIGHT = 200
LIMITS = Limits(cpu_seconds=0.2, memory_bytes=64 << 20)
# Ray's own checks need so long to be sure of a loss, as tests/support/ray_nodes.py sets them.
NOTICED_SECONDS = 30


async def test_every_job_is_answered_once_and_rightly(new_cluster: NewCluster, ray_nodes: RayNodes) -> None:
    third = ray_nodes.add()
    answered = [0] * JOBS
    turns = asyncio.Semaphore(IN_FLIGHT)
    async with new_cluster() as cluster:
        nodes = Nodes()
        await nodes.open(bool)
        before = {report.node: report for report in await reports_of(cluster)}
        assert len(before) == 3
        first, second = (node for node in before if node != third)
        instances = {node: instance_of(report) for node, report in before.items()}

        async def one(index: int) -> tuple[Verdict, bytes]:
            async with turns:
                outcome = await cluster.run(Program(job(index)[0]), limits=LIMITS)
            answered[index] += 1
            return outcome.verdict, outcome.stdout

        async def reached(share: float) -> None:
            await wait_for(lambda: sum(answered) >= share * JOBS, 600)

        async def ready(node: str) -> None:
            await wait_for(lambda: any(each.node == node and each.state == "ready" for each in nodes.reports), 120)

        async def kills() -> str:
            import ray

            await reached(0.2)
            kill_worker(ray_nodes, first)
            await reached(0.4)
            ray.kill(ray.get_actor(f"node-{second}", namespace="assay"), no_restart=False)
            await reached(0.6)
            ray_nodes.kill_raylet(third)
            await asyncio.to_thread(wait_until_nothing, lambda: alive_of(instances[third]), NOTICED_SECONDS)
            await wait_for(lambda: third not in {each.node for each in nodes.reports}, NOTICED_SECONDS)
            again = ray_nodes.add()
            await ready(again)
            return again

        killing = asyncio.create_task(kills())
        answers = await asyncio.gather(*map(one, range(JOBS)))
        returned = await killing
        assert answered == [1] * JOBS
        assert answers == [job(index)[1:] for index in range(JOBS)]
        for node in (first, second):
            wait_until_nothing(lambda node=node: alive_of(instances[node]), 10)  # type: ignore[misc]
        after = {report.node: report for report in await reports_of(cluster)}
        assert set(after) == {first, second, returned}
        await nodes.close()
    ended = [*instances.values(), *map(instance_of, after.values())]
    wait_until_nothing(lambda: [trace for each in ended for trace in left_of(each)], 10)
    ray_nodes.remove(returned)
    async with Engine(slots=8) as engine:
        alone = [await engine.run(Program(job(index)[0]), limits=LIMITS) for index in range(200)]
    assert [(outcome.verdict, outcome.stdout) for outcome in alone] == answers[:200]
