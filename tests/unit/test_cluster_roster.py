"""The roster of a cluster without Ray: what it says of nodes that break, die and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs ray: pip install 'assay[ray]'")

from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError

from engine.cluster import roster
from engine.cluster.blueprint import Blueprint
from engine.cluster.roster import Roster
from engine.config.settings import Settings
from engine.errors import SandboxError
from engine.wire.cluster import Report
from rewards.serving import serving
from tests.support.fake_actors import Method

READY = Report(node="n", host="10.0.0.1", state="ready")
GONE = ActorUnavailableError("it is made anew", None)


def made(monkeypatch: pytest.MonkeyPatch, **methods: Callable[..., Any]) -> Roster:
    """One that finds a node `n`, whose actor answers so."""
    actor = SimpleNamespace(**{name: Method(answer) for name, answer in methods.items()})
    options = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda *_: actor))
    node = {"NodeID": "n", "NodeManagerAddress": "10.0.0.1", "Alive": True}
    monkeypatch.setattr(roster, "ray", SimpleNamespace(nodes=lambda: [node], remote=lambda _: options, kill=print))
    monkeypatch.setattr(roster, "NodeAffinitySchedulingStrategy", lambda *_, **__: None)
    monkeypatch.setattr(roster, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(roster, "_BROKEN_SECONDS", 0.01)
    return Roster(Blueprint.of(Settings(), serving))


async def state_when(here: Roster, state: str) -> Report:
    for _ in range(300):
        for report in await here.reports():
            if report.state == state:
                return report
        await asyncio.sleep(0.01)
    raise AssertionError("never so")


def in_turn(*answers: Any) -> Callable[[], Any]:
    """Each once, and the last for ever."""
    left: Iterator[Any] = iter(answers[:-1])
    return lambda: next(left, answers[-1])


async def test_who_asks_first_is_told_which_nodes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    here = made(monkeypatch, report=lambda: READY)
    assert [report.node for report in await here.reports()] == ["n"]
    await state_when(here, "ready")


async def test_a_failed_look_is_told_to_who_asks_and_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    here = made(monkeypatch, report=lambda: READY)
    with monkeypatch.context() as broken:
        broken.setattr("engine.cluster.roster.ray.nodes", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await here.reports()
    await state_when(here, "ready")


async def test_a_node_that_breaks_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # As `await` on a handle raises it, whatever broke.
    broken = RayTaskError("report", "Traceback ...\nKeyError: 7", KeyError(7)).as_instanceof_cause()
    released = asyncio.get_running_loop().create_future()
    here = made(monkeypatch, report=in_turn(READY, broken, released, READY))
    refused = await state_when(here, "refused")
    assert refused.problem == "KeyError: 7"
    released.set_result(READY)
    assert (await state_when(here, "ready")).problem == ""


async def test_a_node_that_died_for_good_is_asked_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def report() -> ActorDiedError:
        asked.append(1)
        return ActorDiedError()

    here = made(monkeypatch, report=report)
    assert "actor died" in (await state_when(here, "refused")).problem
    await asyncio.sleep(0.1)
    assert len(asked) == 1


async def test_a_node_that_dies_while_it_drains_takes_work_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    here = made(monkeypatch, report=lambda: READY, drain=lambda: GONE)
    await state_when(here, "ready")
    with pytest.raises(SandboxError, match=r"node n was lost while it was drained: .* it is made anew"):
        await here.drain("n")
    await state_when(here, "ready")
