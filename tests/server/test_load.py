"""Many clients at once: everybody is answered, in turn, or refused at once."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine import Program
from tests.server.conftest import wait_until
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

ROUNDS = 4
ROUND_SECONDS = 1.0


def http_client(daemon: Daemon) -> httpx.AsyncClient:
    assert daemon.http
    return httpx.AsyncClient(
        base_url=daemon.http, timeout=60, limits=httpx.Limits(max_connections=None), trust_env=False
    )


async def test_200_concurrent_run_code_requests_are_all_answered_right(start_daemon: StartDaemon) -> None:
    # Nobody is sent away for what else the machine has to do.
    daemon = await asyncio.to_thread(start_daemon, config="[server]\nrun_code_queue_seconds = 100\n")

    async def one(client: httpx.AsyncClient, number: int) -> tuple[int, Any]:
        wanted = {"code": "print(int(input()) ** 2)", "stdin": str(number), "language": "python"}
        response = await client.post("/run_code", json=wanted)
        return response.status_code, response.json()

    async with http_client(daemon) as client:
        answers = await asyncio.gather(*(one(client, number) for number in range(200)))
    assert [status for status, _ in answers] == [200] * 200
    assert [int(answer["run_result"]["stdout"]) for _, answer in answers] == [number**2 for number in range(200)]
    await asyncio.to_thread(daemon.stop)


@no_slot_in_it
async def test_a_full_queue_answers_504_at_once(start_daemon: StartDaemon) -> None:
    daemon = await asyncio.to_thread(start_daemon, config="[engine]\nqueue_runs = 4\n", slots=1)
    quick = {"code": "print(1)", "language": "python"}
    slow = {"code": "import time; time.sleep(4)", "language": "python"}
    async with http_client(daemon) as client:
        filling = [asyncio.create_task(client.post("/run_code", json=slow))]
        await asyncio.to_thread(daemon.wait_for, running=1)
        filling += [asyncio.create_task(client.post("/run_code", json=quick)) for _ in range(4)]
        await asyncio.to_thread(daemon.wait_for, running=1, queued=4)
        for path, content, status in (
            ("/run_code", quick, 504),
            ("/v1/run", {"source": ""}, 504),
        ):
            seconds = []
            for _ in range(5):
                began = time.monotonic()
                refused = await client.post(path, json=content)
                seconds.append(time.monotonic() - began)
                assert refused.status_code == status
                assert refused.json()["error"]["kind"] == "overloaded"
                assert "queue is full" in refused.json()["error"]["message"]
            assert statistics.median(seconds) < 0.5
        assert [(await each).status_code for each in filling] == [200] * 5
        assert (await client.post("/run_code", json=quick)).status_code == 200
    await asyncio.to_thread(daemon.stop)


@no_slot_in_it
async def test_time_in_the_queue_ends_with_504(start_daemon: StartDaemon) -> None:
    daemon = await asyncio.to_thread(start_daemon, config="[server]\nrun_code_queue_seconds = 0.5\n", slots=1)
    async with http_client(daemon) as client:
        busy = {"code": "import time; time.sleep(2)", "language": "python"}
        first = asyncio.create_task(client.post("/run_code", json=busy))
        await asyncio.to_thread(daemon.wait_for, running=1)
        began = time.monotonic()
        late = await client.post("/run_code", json=busy)
        assert 0.4 < time.monotonic() - began < 1.5
        assert late.status_code == 504
        assert "deadline" in late.json()["detail"]
        assert (await first).status_code == 200
    await asyncio.to_thread(daemon.stop)


@no_slot_in_it
async def test_run_code_waits_as_long_as_its_client_does_or_is_told_at_once(start_daemon: StartDaemon) -> None:
    daemon = await asyncio.to_thread(start_daemon, slots=1)
    sleep = Program("sleep 1", "bash")
    async with http_client(daemon) as client, daemon.client() as greedy:
        others = [asyncio.create_task(greedy.run(sleep)) for _ in range(3)]
        await asyncio.to_thread(daemon.wait_for, running=1, queued=2)
        # Its patience is 0.1 + 0.1 + 9 s, so it is not sent away though its own limits are short.
        wanted = {"code": "true", "language": "bash", "run_timeout": 0.1, "compile_timeout": 0.1}
        assert (await client.post("/run_code", json=wanted)).status_code == 200
        await asyncio.gather(*others)
        others = [asyncio.create_task(greedy.run(sleep)) for _ in range(60)]
        clients = [daemon.client() for _ in range(60)]
        others += [asyncio.create_task(each.run(sleep)) for each in clients]
        await asyncio.to_thread(wait_until, lambda: daemon.stats()["runs"] >= 14, 30)
        began = time.monotonic()
        hopeless = await client.post("/run_code", json=wanted)
        assert (hopeless.status_code, time.monotonic() - began < 0.8) == (504, True)
        assert "requests come first and take some" in hopeless.json()["detail"]
        for run in others:
            run.cancel()
        await asyncio.wait(others)
        for each in clients:
            await each.close()
    await asyncio.to_thread(daemon.stop)


async def latencies_of_three(daemon: Daemon, seconds: float) -> list[float]:
    """Three clients, one request at a time each; how many seconds each request took."""
    latencies: list[float] = []
    end = time.monotonic() + seconds

    async def one() -> None:
        async with daemon.client() as client:
            while time.monotonic() < end:
                began = time.monotonic()
                assert (await client.run(Program("echo 1", "bash"))).stdout == b"1\n"
                latencies.append(time.monotonic() - began)

    await asyncio.gather(one(), one(), one())
    return latencies


@contextlib.asynccontextmanager
async def flood(daemon: Daemon, requests: int) -> AsyncIterator[None]:
    """One client that has sent so many requests at once."""
    async with daemon.client() as greedy:
        flood = [asyncio.create_task(greedy.run(Program("echo 1", "bash"))) for _ in range(requests)]
        await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        yield
        waiting = sum(not each.done() for each in flood)
        for each in flood:
            each.cancel()
        await asyncio.wait(flood)
    assert waiting > 500, "the flood was over before the measurement"


def p99(latencies: list[float]) -> float:
    return statistics.quantiles(latencies, n=100)[98]


@no_slot_in_it
async def test_one_client_pipelining_5000_hardly_slows_the_other_three(start_daemon: StartDaemon) -> None:
    daemon = await asyncio.to_thread(start_daemon)
    await latencies_of_three(daemon, 1)
    without, flooded = list[float](), list[float]()
    # In turn, as the machine may have other things to do at any time.
    for _ in range(ROUNDS):
        without += await latencies_of_three(daemon, ROUND_SECONDS)
        async with flood(daemon, 5000):
            flooded += await latencies_of_three(daemon, ROUND_SECONDS)
    said = f"p99 {p99(without) * 1e3:.1f} ms without, {p99(flooded) * 1e3:.1f} ms with"
    assert p99(flooded) <= 3 * p99(without), said
    await asyncio.to_thread(daemon.stop)


async def test_every_pipelined_request_is_answered(daemon: Daemon) -> None:
    async with daemon.client() as client:
        outcomes = await asyncio.gather(*(client.run(Program(f"echo {n}", "bash")) for n in range(2000)))
    assert [int(outcome.stdout) for outcome in outcomes] == list(range(2000))
