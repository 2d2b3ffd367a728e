"""The actor that knows which nodes there are: it makes an actor on each that comes, and tells the callers of them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from typing import Any, Final

import msgspec
import ray
from ray.exceptions import ActorDiedError, ActorUnschedulableError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from engine.client.ray import in_short
from engine.cluster.blueprint import Blueprint
from engine.cluster.node import CALLS, Node
from engine.errors import SandboxError
from engine.wire.cluster import NAMESPACE, Report, node_name

log = logging.getLogger("assay.cluster")
_LOOK_SECONDS: Final = 1.0
# One that breaks is asked less often: it may begin its engine anew each time.
_BROKEN_SECONDS: Final = 10.0
# A node that says nothing for so long is asked no more until it does; its engine's start is within.
_SILENT_SECONDS: Final = 60.0
# One that does not even say that it is there for so much longer hangs: no step of an engine's takes its event loop that
# long.
_HANGS_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 20.0
_CALLS_MORE: Final = 1024


@dataclasses.dataclass
class _Entry:
    actor: Any
    report: Report
    watching: asyncio.Task[None]


class Roster:
    """Follows Ray's nodes from its first call on; where its own node dies Ray makes it anew on another."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._entries: dict[str, _Entry] = {}
        self._looking: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()

    async def digest(self) -> str:
        """What the nodes are made from."""
        return self._blueprint.digest

    async def reports(self) -> list[Report]:
        """What each node said last; whoever asks first waits until it is known which there are."""
        async with self._beginning:
            if self._looking is None or (self._looking.done() and not self._looking.cancelled()):
                # A failure is told to the one who asks.
                await self._look()
                self._looking = asyncio.create_task(self._look_on())
        return [entry.report for entry in self._entries.values()]

    async def drain(self, node: str) -> Report:
        """See `Node.drain`; raises SandboxError if the node is lost meanwhile."""
        entry = self._entries.get(node)
        if entry is None:
            raise SandboxError(f"node {node} is gone")
        entry.report = msgspec.structs.replace(entry.report, state="draining")
        try:
            entry.report = await entry.actor.drain.remote()
        except RayError as error:
            # Where Ray makes it anew it takes work again.
            entry.report = msgspec.structs.replace(entry.report, state="restarting")
            raise SandboxError(f"node {node} was lost while it was drained: {in_short(error)}") from None
        return entry.report

    async def stop(self) -> None:
        """End every node's engine and actor; the roster itself is its caller's to end."""
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*(self._end(entry) for entry in self._entries.values()))
        self._entries.clear()

    async def _end(self, entry: _Entry) -> None:
        entry.watching.cancel()
        with contextlib.suppress(RayError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await entry.actor.close.remote()
        ray.kill(entry.actor)

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        here = {node["NodeID"]: node for node in await asyncio.to_thread(ray.nodes) if self._wanted(node)}
        for gone in self._entries.keys() - here.keys():
            log.warning("node %s is gone", gone)
            self._entries.pop(gone).watching.cancel()
        for node in here.keys() - self._entries.keys():
            self._add(node, here[node]["NodeManagerAddress"])

    def _wanted(self, node: dict[str, Any]) -> bool:
        resource = self._blueprint.settings.cluster.resource
        return bool(node["Alive"]) and (resource is None or node["Resources"].get(resource, 0) > 0)

    def _add(self, node: str, host: str) -> None:
        made = ray.remote(Node).options(
            name=node_name(node),
            namespace=NAMESPACE,
            get_if_exists=True,
            lifetime="detached",
            # It must be there even where a trainer has taken every core of Ray's.
            num_cpus=0,
            max_restarts=-1,
            # A request is sent again by its caller, who knows a better node.
            max_task_retries=0,
            # So many more that a node which is full still says so.
            max_concurrency=CALLS + _CALLS_MORE,
            # Hard: a second engine on another node's machine would take that machine's memory twice.
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        actor = made.remote(self._blueprint, node, host)
        report = Report(node=node, host=host, state="starting")
        self._entries[node] = _Entry(actor, report, asyncio.create_task(self._watch(node, actor)))

    async def _watch(self, node: str, actor: Any) -> None:
        # One that has not may still be on its way: to kill it would begin that anew, for ever.
        has_spoken = False
        while True:
            pause = _LOOK_SECONDS
            try:
                async with asyncio.timeout(_SILENT_SECONDS):
                    report = await actor.report.remote()
                has_spoken = True
                entry = self._entries[node]
                # What is being drained is so until it says that it is done.
                if entry.report.state != "draining" or report.state != "ready":
                    entry.report = report
            except (ActorDiedError, ActorUnschedulableError) as error:
                # It could not be made (no Assay on that machine), or has been killed for good.
                self._say(node, "refused", error)
                return
            except RayTaskError as error:
                # It cannot start, or is broken: that may pass.
                self._say(node, "refused", error)
                pause = _BROKEN_SECONDS
            except TimeoutError as error:
                self._say(node, "restarting", error)
                if has_spoken and await _hangs(actor):
                    log.warning("node %s hangs: it is killed, so that Ray makes it anew", node)
                    has_spoken = False
                    ray.kill(actor, no_restart=False)
            except RayError as error:
                has_spoken = False
                self._say(node, "restarting", error)
            await asyncio.sleep(pause)

    def _say(self, node: str, state: Any, error: Exception) -> None:
        log.warning("node %s: %s: %s", node, state, in_short(error))
        entry = self._entries[node]
        problem = in_short(error) if state == "refused" else entry.report.problem
        entry.report = msgspec.structs.replace(entry.report, state=state, problem=problem)


async def _hangs(actor: Any) -> bool:
    try:
        async with asyncio.timeout(_HANGS_SECONDS):
            await actor.here.remote()
    except TimeoutError:
        return True
    except RayError:
        # What became of it the next report tells.
        pass
    return False
