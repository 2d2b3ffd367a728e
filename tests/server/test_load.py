"""Many clients at once: everybody is answered, in turn, or refused at once."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine import Program
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]


def http_client(daemon: Daemon) -> httpx.AsyncClient:
    assert daemon.http
    return httpx.AsyncClient(
        base_url=daemon.http, timeout=60, limits=httpx.Limits(max_connections=None), trust_env=False
    )


async def test_200_concurrent_run_code_requests_are_all_answered_right(daemon: Daemon) -> None:
    async def one(client: httpx.AsyncClient, number: int) -> tuple[int, Any]:
        wanted = {"code": "print(int(input()) ** 2)", "stdin": str(number), "language": "python"}
        response = await client.post("/run_code", json=wanted)
        return response.status_code, response.json()

    async with http_client(daemon) as client:
        answers = await asyncio.gather(*(one(client, number) for number in range(200)))
    assert [status for status, _ in answers] == [200] * 200
    assert [int(answer["run_result"]["stdout"]) for _, answer in answers] == [number**2 for number in range(200)]


@no_slot_in_it
async def test_a_full_queue_answers_504_at_once(start_daemon: StartDaemon) -> None:
    daemon = await asyncio.to_thread(start_daemon, config="[engine]\nqueue_runs = 4\n", slots=1)
    busy = {"code": "import time; time.sleep(1)", "language": "python"}
    async with http_client(daemon) as client:
        filling = [asyncio.create_task(client.post("/run_code", json=busy)) for _ in range(5)]
        await asyncio.to_thread(wait_for_five, daemon)
        for path, content, status in (
            ("/run_code", busy, 504),
            ("/v1/run", {"source": ""}, 504),
        ):
            began = time.monotonic()
            refused = await client.post(path, json=content)
            assert time.monotonic() - began < 0.5
            assert refused.status_code == status
            assert refused.json()["error"]["kind"] == "overloaded"
            assert "queue is full" in refused.json()["error"]["message"]
        assert [(await each).status_code for each in filling] == [200] * 5
        assert (await client.post("/run_code", json=busy)).status_code == 200
    await asyncio.to_thread(daemon.stop)


def wait_for_five(daemon: Daemon) -> None:
    end = time.monotonic() + 10
    while (stats := daemon.stats())["running"] + stats["queued"] < 5:
        assert time.monotonic() < end
        time.sleep(0.02)


@no_slot_in_it
async def test_time_in_the_queue_ends_with_504(start_daemon: StartDaemon) -> None:
    daemon = await asyncio.to_thread(start_daemon, config="[server]\nrun_code_queue_seconds = 0.5\n", slots=1)
    async with http_client(daemon) as client:
        busy = {"code": "import time; time.sleep(2)", "language": "python"}
        first = asyncio.create_task(client.post("/run_code", json=busy))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        late = await client.post("/run_code", json=busy)
        assert 0.4 < time.monotonic() - began < 1.5
        assert late.status_code == 504
        assert "deadline" in late.json()["detail"]
        assert (await first).status_code == 200
    await asyncio.to_thread(daemon.stop)


async def p99_of_three(daemon: Daemon, seconds: float) -> float:
    """Three clients, one request at a time each; the 99th percentile of their latencies in seconds."""
    latencies: list[float] = []
    end = time.monotonic() + seconds

    async def one() -> None:
        async with daemon.client() as client:
            while time.monotonic() < end:
                began = time.monotonic()
                assert (await client.run(Program("echo 1", "bash"))).stdout == b"1\n"
                latencies.append(time.monotonic() - began)

    await asyncio.gather(one(), one(), one())
    return statistics.quantiles(latencies, n=100)[98]


@no_slot_in_it
async def test_one_client_pipelining_5000_hardly_slows_the_other_three(start_daemon: StartDaemon) -> None:
    daemon = await asyncio.to_thread(start_daemon)
    await p99_of_three(daemon, 1)
    before = await p99_of_three(daemon, 3)
    async with daemon.client() as greedy:
        flood = [asyncio.create_task(greedy.run(Program("echo 1", "bash"))) for _ in range(5000)]
        await asyncio.sleep(0.5)
        with_flood = await p99_of_three(daemon, 4)
        waiting = sum(not each.done() for each in flood)
        for each in flood:
            each.cancel()
        await asyncio.wait(flood)
    # The machine may have other things to do by now: what it was without the flood is asked on both sides of it.
    without = max(before, await p99_of_three(daemon, 3))
    assert waiting > 500, "the flood was over before the measurement"
    assert with_flood <= 3 * without, f"p99 {without * 1e3:.1f} ms without, {with_flood * 1e3:.1f} ms with"
    await asyncio.to_thread(daemon.stop)


async def test_every_pipelined_request_is_answered(daemon: Daemon) -> None:
    async with daemon.client() as client:
        outcomes = await asyncio.gather(*(client.run(Program(f"echo {n}", "bash")) for n in range(2000)))
    assert [int(outcome.stdout) for outcome in outcomes] == list(range(2000))
