"""Workers whose process stands still: nobody waits for them for long, and they are made anew."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from assay import Limits, Overloaded, Program, SandboxError, Verdict
from engine.cluster import roster
from engine.cluster.blueprint import Blueprint
from engine.wire.cluster import Report
from rewards.serving import serving
from tests.cluster.conftest import NewCluster, reports_of, settings
from tests.support.ray_nodes import RayNodes, alive_of, instance_of
from tests.support.traces import wait_until_nothing

pytestmark = [pytest.mark.kernel, pytest.mark.soak]

LONG = Limits(wall_seconds=60)


async def test_a_worker_that_hangs_holds_up_nobody_for_long(new_cluster: NewCluster, ray_nodes: RayNodes) -> None:
    async with new_cluster() as cluster:
        victims = [ray_nodes.worker(report.node) for report in await reports_of(cluster)]
        os.kill(victims[0], signal.SIGSTOP)
        try:
            began = time.monotonic()
            # Some go to the other one at once.
            runs = [cluster.run(Program(f"print({index})")) for index in range(8)]
            # A long run is not a node that hangs.
            runs.append(cluster.run(Program("import time; time.sleep(25); print(8)"), limits=LONG))
            outcomes = await asyncio.gather(*runs)
            assert [outcome.stdout for outcome in outcomes] == [b"%d\n" % index for index in range(9)]
            assert time.monotonic() - began < 60
            os.kill(victims[1], signal.SIGSTOP)
            with pytest.raises((SandboxError, Overloaded)):
                await cluster.run(Program("print(1)"), deadline_seconds=1)
        finally:
            for victim in victims:
                os.kill(victim, signal.SIGCONT)
        assert (await cluster.run(Program("print(1)"))).verdict is Verdict.ACCEPTED


async def test_a_worker_that_goes_on_hanging_is_made_anew(ray_nodes: RayNodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "_SILENT_SECONDS", 3.0)
    monkeypatch.setattr(roster, "_HANGS_SECONDS", 0.5)
    # In this process, where it knows these.
    here = roster.Roster(Blueprint.of(settings(), serving))

    async def ready(node: str, *, but: str = "") -> Report:
        """The node's report, once that of another supervisor's has come."""
        until = time.monotonic() + 60
        while True:
            for report in await here.reports():
                if (report.node, report.state) == (node, "ready") and report.facts["supervisor_pid"] != but:
                    return report
            assert time.monotonic() < until
            await asyncio.sleep(0.1)

    node = next(iter(ray_nodes.raylets))
    try:
        before = await ready(node)
        os.kill(ray_nodes.worker(node), signal.SIGSTOP)
        await ready(node, but=before.facts["supervisor_pid"])
        wait_until_nothing(lambda: alive_of(instance_of(before)), 10)
    finally:
        await here.stop()
