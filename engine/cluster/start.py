"""A cluster's beginning and end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import ray
from ray.exceptions import RayError

from engine.client.nodes import Nodes
from engine.client.ray import connect, in_short, node_actor, roster_actor
from engine.cluster.blueprint import Blueprint
from engine.cluster.roster import Roster
from engine.errors import CannotStart
from engine.wire.cluster import NAMESPACE, ROSTER, Report, node_name

_SETTLED: Final = ("ready", "refused", "draining", "drained")


async def start(blueprint: Blueprint, address: str | None = None) -> Nodes:
    """The nodes of Ray's cluster, made where they are not there yet, and followed.

    Returns when every node that is there has started or says why it cannot. They outlive this process: `stop` ends
    them. Raises CannotStart without Ray, without a node that runs programs, and where others run with other settings.
    """
    connect(address)
    try:
        roster = _roster(blueprint)
        digest = await roster.digest.remote()
    except RayError as error:
        raise CannotStart(f"the roster cannot be made: {in_short(error)}") from None
    if digest != blueprint.digest:
        raise CannotStart("this Ray has an Assay of other settings: use the same, or `assay cluster stop` first")
    nodes = Nodes()
    await nodes.open(lambda reports: bool(reports) and all(report.state in _SETTLED for report in reports))
    if not any(report.state == "ready" and not report.problem for report in nodes.reports):
        await nodes.close()
        raise CannotStart(f"no node can run programs: {problems(nodes.reports) or 'there is none'}")
    return nodes


async def stop() -> None:
    """End every node's engine, kill what runs, and the roster; raises CannotStart where there is none."""
    roster = await roster_actor()
    with contextlib.suppress(RayError):
        await roster.stop.remote()
    # Before them, or it would make them anew.
    ray.kill(roster)
    # One that Ray was just making anew did not answer, or knew no node yet.
    for actor in await asyncio.to_thread(ray.util.list_named_actors, all_namespaces=True):
        node = actor["name"].removeprefix(node_name(""))
        if actor["namespace"] == NAMESPACE and node != actor["name"] and (left := await node_actor(node)):
            ray.kill(left)


def problems(reports: list[Report]) -> str:
    """Which nodes run no programs, and why."""
    return "; ".join(f"{each.host} ({each.node[:8]}): {each.problem or each.state}" for each in reports)


def _roster(blueprint: Blueprint) -> Any:
    made = ray.remote(Roster).options(
        name=ROSTER,
        namespace=NAMESPACE,
        get_if_exists=True,
        lifetime="detached",
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=0,
    )
    return made.remote(blueprint)
