"""A cluster of real raylets on this machine: answers as of one engine, whoever is killed."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from assay import BadInput, Limits, NotJudged, Overloaded, Program, Reward, RewardClient, Verdict
from engine import Engine
from engine.client.nodes import Nodes
from engine.cluster.front import Everywhere
from engine.scorer import Parsed
from engine.server.backend import Here
from engine.trace import TRACE
from engine.wire.cluster import Report
from engine.wire.messages import Run
from tests.cluster.conftest import NewCluster, followed, reports_of, settings, wait_for
from tests.server.conftest import Marked
from tests.support.paths import data_sets, fenced, front, submission
from tests.support.ray_nodes import RayNodes, alive_of, instance_of, kill_worker, left_of
from tests.support.told import Told
from tests.support.traces import wait_until_nothing

pytestmark = pytest.mark.kernel

QUICK = Limits(cpu_seconds=0.2, memory_bytes=64 << 20)
# What comes of each is known: a crash of ours would be none of these.
KINDS = (
    ("print(6 * 7)", Verdict.ACCEPTED, b"42\n"),
    ("import sys; sys.exit(3)", Verdict.RUNTIME_ERROR, b""),
    ("print('x' * 100); raise KeyError", Verdict.RUNTIME_ERROR, b"x" * 100 + b"\n"),
    ("import time; time.sleep(0.05); print('late')", Verdict.ACCEPTED, b"late\n"),
)
SPIN = ("while True: pass", Verdict.TIME_LIMIT, b"")


def job(index: int) -> tuple[str, Verdict, bytes]:
    source, verdict, stdout = SPIN if index % 50 == 7 else KINDS[index % len(KINDS)]
    return f"{source}  # {index}", verdict, stdout


async def by_node(cluster: object) -> dict[str, Report]:
    return {report.node: report for report in await reports_of(cluster)}


async def test_a_killed_worker_changes_no_answer(new_cluster: NewCluster, ray_nodes: RayNodes) -> None:
    count = 300
    answered = [0] * count
    async with new_cluster() as cluster:
        before = await reports_of(cluster)
        assert len(before) == 2
        victim = before[0]
        gone = instance_of(victim)

        async def one(index: int) -> tuple[Verdict, bytes]:
            outcome = await cluster.run(Program(job(index)[0]), limits=QUICK)
            answered[index] += 1
            return outcome.verdict, outcome.stdout

        async def kill_in_the_middle() -> None:
            await wait_for(lambda: sum(answered) >= count // 4)
            kill_worker(ray_nodes, victim.node)

        *answers, _ = await asyncio.gather(*map(one, range(count)), kill_in_the_middle())
        assert answers == [job(index)[1:] for index in range(count)]
        assert answered == [1] * count
        await asyncio.to_thread(wait_until_nothing, lambda: alive_of(gone), 10)
        until = time.monotonic() + 30
        # What it said before its end stands until it is there again.
        while (after := await by_node(cluster))[victim.node].facts["supervisor_pid"] == victim.facts["supervisor_pid"]:
            assert time.monotonic() < until
            await asyncio.sleep(0.1)
        # It works again, as an engine that has just begun.
        await asyncio.gather(*(cluster.run(Program("print(1)")) for _ in range(20)))
        assert {report.node for report in await reports_of(cluster)} == {report.node for report in before}
    wait_until_nothing(lambda: [trace for each in after.values() for trace in left_of(instance_of(each))], 10)


@pytest.mark.soak
async def test_nodes_join_and_drain_while_work_goes_on(new_cluster: NewCluster, ray_nodes: RayNodes) -> None:
    async with new_cluster() as cluster:
        ending = asyncio.Event()
        answers: list[Verdict] = []

        async def keep_asking(number: int) -> None:
            while not ending.is_set():
                answers.append((await cluster.run(Program(f"print({number})"))).verdict)

        asking = [asyncio.create_task(keep_asking(number)) for number in range(8)]
        nodes = Nodes()
        await nodes.open(bool)
        joined = ray_nodes.add()
        try:
            await wait_for(lambda: runs_of(nodes, joined))
            drained = await nodes.drain(joined)
            assert (drained.state, drained.under_way, drained.stats["running"]) == ("drained", 0, 0)
            assert left_of(instance_of(drained)) == []
            assert (drained.usable_slots, drained.stats["slots"]) == (0, 8)
            runs = drained.stats["runs"]
            await wait_for(lambda: (joined, "drained", runs) in states(nodes))
            await asyncio.sleep(1.5)
            assert (joined, "drained", runs) in states(nodes)
            with pytest.raises(BadInput, match="node 'nowhere': expected an address or the beginning of an id"):
                await nodes.drain("nowhere")
        finally:
            ray_nodes.remove(joined)
        await wait_for(lambda: is_gone(nodes, joined))
        ending.set()
        await asyncio.gather(*asking)
        await nodes.close()
        assert set(answers) == {Verdict.ACCEPTED}


def runs_of(nodes: Nodes, node: str) -> int:
    return sum(report.stats.get("runs", 0) for report in nodes.reports if report.node == node)


def states(nodes: Nodes) -> list[tuple[str, str, int]]:
    return [(report.node, report.state, report.stats.get("runs", 0)) for report in nodes.reports]


def is_gone(nodes: Nodes, node: str) -> bool:
    return node not in {report.node for report in nodes.reports}


async def test_full_is_told_at_once_with_a_hint(new_cluster: NewCluster) -> None:
    async with new_cluster(slots=1, queue_runs=2) as cluster:
        sleep = Program("import time; time.sleep(20)")
        runs = [asyncio.create_task(cluster.run(sleep)) for _ in range(6)]
        nodes = Nodes()
        await nodes.open(lambda reports: sum(report.stats.get("running", 0) for report in reports) == 2)
        await nodes.close()
        began = time.monotonic()
        with pytest.raises(Overloaded, match="full") as refused:
            await cluster.run(Program("print(1)"))
        assert time.monotonic() - began < 1
        assert 0.1 <= (refused.value.retry_seconds or 0) <= 30
        # Who cancels leaves no program behind.
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
        assert await patiently(cluster, Program("print(1)")) == b"1\n"


async def test_rewards_without_a_daemon(new_cluster: NewCluster) -> None:
    items: list[dict[str, Any]] = [
        {"kind": "math", "reference": "1/2", "completion": r"It is \boxed{0.5}."},
        {"kind": "code", "completion": "```python\nprint(3)\n```", "tests": [{"stdin": "", "expected": "4\n"}]},
    ]
    async with new_cluster(), RewardClient("ray://") as client:
        right, wrong = await client.score_many(items)
        assert isinstance(right, Reward)
        assert right.reward == 1.0
        assert isinstance(wrong, Reward)
        assert (wrong.reward, wrong.verdict) == (0.0, Verdict.WRONG_ANSWER)
        assert [type(each) for each in await client.score_batch(items)] == [Reward, Reward]
        with pytest.raises(BadInput, match="kind 'nothing': expected one of code, judge, math"):
            await client.score({"kind": "nothing"})
        nodes = Nodes()
        await nodes.open(bool)
        # As a front has it from JSON, which knows no end of integers.
        long = Parsed({**items[0], "reference": 10**30}, None, None)  # type: ignore[arg-type]
        with pytest.raises(BadInput, match=r"reference .*: expected an integer of at most 64 bits"):
            await Everywhere(nodes).score(long, client="", deadline_seconds=None)
        with pytest.raises(BadInput, match="request 'run': holds an integer of more than 64 bits"):
            await Everywhere(nodes).run(Run(source="", limits=Limits(memory_bytes=10**30)), client="")
        await nodes.close()
    async with RewardClient("ray://") as client:
        nobody = await client.score(items[0])
        assert isinstance(nobody, NotJudged)
        assert "no Assay in this Ray: start it with `assay serve --ray`" in nobody.reason


async def test_the_paths_that_need_an_engine_answer_as_a_daemon_s(new_cluster: NewCluster, tmp_path: Path) -> None:
    told = settings(slots=4, rewards=data_sets(tmp_path))
    async with Engine(config=told.engine) as engine, front(Here(engine), told) as daemon:
        answers, counts = await daemon.ask_all(), daemon.counts()
    assert {status for status, _ in answers} == {200, 422, 504}
    async with AsyncExitStack() as after:
        async with new_cluster(slots=4, rewards=told.rewards):
            nodes = await after.enter_async_context(followed())
            there = await after.enter_async_context(front(Everywhere(nodes), told))
            assert await there.ask_all() == answers
            assert there.counts() == counts
            # A client that goes takes its program with it.
            marked = Marked()
            body = submission(fenced(marked.source, "bash"), language="bash")
            asking = asyncio.create_task(there.ask("/submit", body))
            await wait_for(lambda: marked.alive)
            asking.cancel()
            await wait_for(lambda: not marked.alive, 5)
        # Where nobody answers nothing is judged.
        assert (await there.ask("/submit", submission(fenced("print(1)")))).status == 504
        assert 'assay_not_judged_total{op="submit"} 2' in there.counts()


async def test_a_trace_has_what_happened_on_the_node(new_cluster: NewCluster) -> None:
    told = Told()
    began = time.monotonic()
    async with new_cluster(), followed() as nodes, front(Everywhere(nodes), settings()) as there:
        TRACE.set(told)
        await there.service.run(Run(source="print(1)"), client="")
        await there.ask("/submit", submission(fenced("print(int(input().split()[0]) + 1)")))
        TRACE.set(None)
    assert sorted(name for name, *_ in told.parts) == ["node"] * 2 + ["queue"] * 4 + ["run"] * 4
    assert [name for name, *_ in told.notes] == ["judged"] * 2
    assert all(attributes["node"] == nodes.reports[0].host for *_, attributes in told.parts)
    calls = [(began, ended) for name, began, ended, _ in told.parts if name == "node"]
    for name, first, last, _ in told.parts:
        assert any(began <= first <= last <= ended for began, ended in calls), name
    assert began < calls[0][0]


async def test_a_submission_whose_node_dies_is_answered_by_another(
    new_cluster: NewCluster, ray_nodes: RayNodes
) -> None:
    body = submission(fenced("import time; time.sleep(2); print(sum(map(int, input().split())))"))
    async with new_cluster(), followed() as nodes, front(Everywhere(nodes), settings()) as there:
        asking = asyncio.create_task(there.ask("/submit", body))
        await wait_for(lambda: running(nodes))
        [victim] = running(nodes)
        kill_worker(ray_nodes, victim)
        answer = await asking
        assert answer.status == 200
        assert json.loads(answer.body)["accepted"]
        assert 'assay_verdicts_total{op="submit",verdict="ACCEPTED"} 1' in there.counts()


async def test_a_submission_that_no_node_has_room_for_is_refused_at_once(new_cluster: NewCluster) -> None:
    async with new_cluster(queue_bytes=1 << 20), followed() as nodes, front(Everywhere(nodes), settings()) as there:
        large = " " * 900_000
        sleeping = fenced(f"import time; time.sleep(60)  # {large}")
        asking = [asyncio.create_task(there.ask("/submit", submission(sleeping))) for _ in range(2)]
        await wait_for(lambda: len(running(nodes)) == 2)
        began = time.monotonic()
        answer = await there.ask("/submit", submission(fenced(f"print(1)  # {large}")))
        assert time.monotonic() - began < 2
        assert (answer.status, json.loads(answer.body)["error"]["kind"]) == (504, "overloaded")
        assert answer.retry_seconds is not None
        assert (await there.ask("/submit", submission(fenced("print(1)")))).status == 200
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


def running(nodes: Nodes) -> list[str]:
    return [report.node for report in nodes.reports if report.stats.get("running")]


async def patiently(cluster: Any, program: Program) -> bytes:
    """What it prints; whoever is told to come again does so."""
    for _ in range(100):
        try:
            stdout: bytes = (await cluster.run(program)).stdout
        except Overloaded as error:
            await asyncio.sleep(error.retry_seconds or 0.1)
        else:
            return stdout
    raise AssertionError("it stays full")
