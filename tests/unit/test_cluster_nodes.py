"""The callers of a cluster without Ray: whom they ask when the roster or a node breaks, and how long they wait."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

pytest.importorskip("ray", reason="needs ray: pip install 'assay[ray]'")

from ray.exceptions import ActorDiedError, ActorUnavailableError, GetTimeoutError, ObjectStoreFullError, RayTaskError

from engine.client import membership, ray
from engine.client.nodes import Nodes
from engine.client.ray_transport import RayTransport
from engine.cluster.front import Everywhere
from engine.config.settings import Settings
from engine.errors import CannotStart, Overloaded, SandboxError
from engine.wire.cluster import Reply, Report
from tests.support.fake_actors import Method
from tests.support.paths import front

BROKEN = RayTaskError("ask", "Traceback ...\nKeyError: 7", KeyError(7)).as_instanceof_cause()
GONE = ActorUnavailableError("it is made anew", None)
DEAD = ActorDiedError()
NAMES = ("a", "b", "c")


def ready(name: str) -> Report:
    return Report(node=name, host=name, state="ready", capacity=100)


class Cluster:
    """A roster and three nodes; what they answer may be changed."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.deadline: float | None = None
        self.start()

    def start(self) -> None:
        """All actors are new."""
        answers: dict[str, Any] = {"roster": [ready(name) for name in NAMES]}
        self.answers = answers
        self.roster: Any = SimpleNamespace(reports=Method(lambda: answers["roster"]))
        self.actors: dict[str, Any] = {
            name: SimpleNamespace(
                ask=Method(lambda _, body, *__, name=name: self._answer(name, answers, body)),
                report=Method(lambda name=name: answers.get(name, ready(name))),
            )
            for name in NAMES
        }

    def stop(self) -> None:
        """All actors are dead, for good."""
        self.answers |= dict.fromkeys(("roster", *NAMES), DEAD)
        self.roster = None

    def _answer(self, name: str, answers: dict[str, Any], body: bytes) -> Any:
        self.asked.append(name)
        self.deadline = msgspec.msgpack.decode(body).get("deadline_seconds")
        return answers.get(name) or Reply(under_way=1, answer=msgspec.msgpack.encode({"by": name}))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    there = Cluster()

    def get_actor(name: str, *, namespace: str) -> Any:
        found = there.roster if name == "roster" else there.actors[name.removeprefix("node-")]
        if found is None:
            raise ValueError(f"no {name} in {namespace}")
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(
        ray, "ray", SimpleNamespace(get_actor=get_actor, cancel=lambda _: None, is_initialized=lambda: True)
    )
    monkeypatch.setattr(membership, "_FOLLOW_SECONDS", 0.01)
    monkeypatch.setattr(membership, "_LONGEST_PAUSE_SECONDS", 0.02)
    return there


@contextlib.asynccontextmanager
async def followed() -> AsyncIterator[Nodes]:
    here = Nodes(patience_seconds=0.5)
    await here.open(bool)
    try:
        yield here
    finally:
        await here.close()


async def a_few_looks() -> None:
    await asyncio.sleep(0.2)


async def test_a_roster_made_anew_that_has_not_heard_of_its_nodes_changes_nothing(cluster: Cluster) -> None:
    async with followed() as here:
        cluster.answers["roster"] = [Report(node=name, host=name, state="starting") for name in NAMES]
        await a_few_looks()
        assert [report.state for report in here.reports] == ["ready"] * 3
        assert (await here.ask("run", {}))["by"] in NAMES


@pytest.mark.parametrize("noticed", [True, False])
async def test_who_asked_before_a_stop_asks_the_new_nodes(cluster: Cluster, noticed: bool) -> None:
    async with followed() as here:
        cluster.stop()
        if noticed:
            await a_few_looks()
            with pytest.raises(SandboxError, match="the cluster has been stopped: no Assay in this Ray"):
                await here.ask("run", {})
        cluster.start()
        await a_few_looks()
        assert len(here.reports) == 3
        cluster.asked.clear()
        assert (await here.ask("run", {}))["by"] in NAMES
        assert len(cluster.asked) == 1


async def test_where_ray_does_not_answer_the_known_nodes_go_on(cluster: Cluster) -> None:
    async with followed() as here:
        roster = cluster.roster
        cluster.roster, cluster.answers["roster"] = GetTimeoutError("in 60 s"), GONE
        await a_few_looks()
        assert (await here.ask("run", {}))["by"] in NAMES
        with pytest.raises(CannotStart, match="Ray does not answer: in 60 s"):
            await Nodes().open(bool)
        cluster.roster, cluster.answers["roster"] = roster, [ready("a"), ready("b")]
        await a_few_looks()
        assert len(here.reports) == 2


async def test_a_node_whose_handle_cannot_be_had_is_asked_when_it_can(cluster: Cluster) -> None:
    async with followed() as here:
        actor = cluster.actors["a"]
        cluster.answers["a"], cluster.actors["a"] = DEAD, GetTimeoutError("in 60 s")
        for _ in range(10):
            assert (await here.ask("run", {}))["by"] in ("b", "c")
        await a_few_looks()
        cluster.actors["a"] = actor
        del cluster.answers["a"]
        await a_few_looks()
        assert {(await here.ask("run", {}))["by"] for _ in range(50)} == set(NAMES)


async def test_what_breaks_on_one_node_is_asked_on_another(cluster: Cluster) -> None:
    cluster.answers["a"] = BROKEN
    async with followed() as here:
        assert [(await here.ask("run", {}))["by"] in ("b", "c") for _ in range(20)] == [True] * 20
        cluster.answers |= dict.fromkeys(NAMES, BROKEN)
        cluster.asked.clear()
        with pytest.raises(SandboxError, match="2 nodes broke in turn, see their logs: KeyError: 7, the last is "):
            await here.ask("run", {})
        assert len(set(cluster.asked)) == 2


async def test_what_cannot_be_sent_is_no_node_s_fault_and_not_under_way(cluster: Cluster) -> None:
    def full(*_: Any) -> None:
        raise ObjectStoreFullError("no room")

    async with followed() as here:
        able = {name: actor.ask for name, actor in cluster.actors.items()}
        for actor in cluster.actors.values():
            actor.ask = SimpleNamespace(remote=full)
        for _ in range(300):
            with pytest.raises(SandboxError, match=r"the request cannot be sent: .*no room"):
                await here.ask("run", {})
        for name, actor in cluster.actors.items():
            actor.ask = able[name]
        # At once, though each takes no more than 100.
        assert (await here.ask("run", {}))["by"] in NAMES


async def test_the_first_request_waits_no_longer_than_its_deadline(cluster: Cluster) -> None:
    cluster.answers["roster"] = asyncio.get_running_loop().create_future()
    transport = RayTransport("ray://", client="me")
    began = time.monotonic()
    with pytest.raises(Overloaded, match=r"deadline of 0\.2 s passed before a node took the request"):
        await transport.request("score", {"item": {}, "deadline_seconds": 0.2})
    assert time.monotonic() - began < 2
    with pytest.raises(CannotStart, match=r"the cluster's roster has said nothing for 0\.1 s"):
        await Nodes().open(bool, seconds=0.1)
    await transport.close()


async def test_the_time_that_a_request_has_waited_for_a_node_is_taken_off_its_deadline(cluster: Cluster) -> None:
    nobody = [Report(node=name, host=name, state="drained") for name in NAMES]
    cluster.answers["roster"] = nobody
    transport = RayTransport("ray://", client="me")
    asking = asyncio.create_task(transport.request("score", {"item": {}, "deadline_seconds": 60.0}))
    await asyncio.sleep(0.3)
    cluster.answers["roster"] = [ready(name) for name in NAMES]
    await asking
    assert cluster.deadline is not None
    assert 30 < cluster.deadline < 59.8
    cluster.answers["roster"] = nobody
    await a_few_looks()
    assert [each["state"] for each in (await transport.request("stats", {}))["nodes"]] == ["drained"] * 3
    await transport.close()
    async with followed() as here:
        with pytest.raises(SandboxError, match=r"no node of the cluster was ready for 0\.5 s"):
            await here.ask("run", {"deadline_seconds": 60.0})


async def test_a_front_says_what_is_not_enforced_where_the_answer_comes_from(cluster: Cluster) -> None:
    degraded = msgspec.structs.replace(ready("a"), not_enforced=("memory",))
    cluster.answers["roster"] = [degraded, ready("b")]
    for name, told in (("a", {"not_enforced": ["memory"]}), ("b", {})):
        cluster.answers[name] = Reply(under_way=1, answer=msgspec.msgpack.encode({"reward": 1.0, "by": name, **told}))
    async with followed() as here, front(Everywhere(here), Settings()) as there:
        item = there.service.parser.item({"kind": "math", "completion": "1", "reference": "1"})
        answers = [await there.service.score(item, client="", deadline_seconds=None) for _ in range(20)]
        assert {answer["by"]: answer.get("not_enforced") for answer in answers} == {"a": ["memory"], "b": None}
        assert there.service.stats()["not_enforced"] == ["memory"]
