"""`assay serve --ray`: the same faces before a cluster; a node without a sandbox; `assay cluster`."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import Client, Program, Verdict
from rewards import Reward, RewardClient
from tests.cluster.conftest import settings_file
from tests.support.paths import fenced, submission
from tests.support.ray_nodes import RayNodes

pytestmark = [pytest.mark.kernel, pytest.mark.server, pytest.mark.soak]

ASSAY = (sys.executable, "-m", "assay")


@contextmanager
def front(ray_nodes: RayNodes, place: Path, name: str) -> Iterator[tuple[str, str, str]]:
    """A front of its own process: its socket, its HTTP address, what it said when it was ready."""
    path, log = place / f"{name}.sock", place / f"{name}.log"
    options = ("--ray", ray_nodes.address, "--config", str(settings_file(place)), "--socket", str(path))
    with log.open("w") as errors:
        process = subprocess.Popen(
            (*ASSAY, "serve", *options, "--http", "127.0.0.1:0"), stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout is not None
    with process, process.stdout:
        try:
            said = ""
            while "http://" not in said:
                line = process.stdout.readline()
                assert line, log.read_text()
                said += line
            yield f"unix://{path}", said.rpartition(" ")[2].strip(), said
        finally:
            process.terminate()
            assert process.wait(30) == 0


def asked(url: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=30) as response:
        answer: bytes = response.read()
    return answer


def cluster_command(ray_nodes: RayNodes, *words: str) -> str:
    done = subprocess.run(
        (*ASSAY, "cluster", *words, "--ray", ray_nodes.address), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_address_where_no_ray_listens() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        where = "{}:{}".format(*listener.getsockname())
        done = subprocess.run(
            (*ASSAY, "cluster", "status", "--ray", where), capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"assay cluster: no Ray at {where}: start it with `ray start --head`")


async def test_two_fronts_and_a_node_without_rights(ray_nodes: RayNodes, tmp_path: Path) -> None:
    with ray_nodes.without_rights() as bare, front(ray_nodes, tmp_path, "a") as (address, http, said):
        try:
            assert "2 of 3 nodes run programs · 8 slots · every limit proved" in said
            assert f"({bare[:8]}): " in said
            assert "namespace" in said
            with front(ray_nodes, tmp_path, "b") as (_, http_b, _):
                async with Client(address) as client, RewardClient(address) as rewards:
                    outcomes = [await client.run(Program(f"print({number})")) for number in range(20)]
                    assert [outcome.stdout for outcome in outcomes] == [b"%d\n" % number for number in range(20)]
                    item = {"kind": "math", "reference": "7", "completion": r"It is \boxed{7}."}
                    right = await rewards.score_many([item] * 30)
                    assert [each.reward for each in right if isinstance(each, Reward)] == [1.0] * 30
                    stats = await client.stats()
                    assert stats["slots"] >= 8
                body = json.dumps({"code": "print(6 * 7)", "language": "python"}).encode()
                for each in (http, http_b):
                    answer = await asyncio.to_thread(asked, f"{each}/run_code", body)
                    assert json.loads(answer)["run_result"]["stdout"] == "42\n"
                    asking = json.dumps(submission(fenced("print(sum(map(int, input().split())))"))).encode()
                    assert json.loads(await asyncio.to_thread(asked, f"{each}/submit", asking))["accepted"]
                assert await asyncio.to_thread(asked, f"{http_b}/readyz") == b"ready, every limit proved\n"
            assert bare[:8] in cluster_command(ray_nodes, "status")
            victim = next(iter(ray_nodes.raylets))
            assert f"({victim[:8]}) is drained" in cluster_command(ray_nodes, "drain", victim[:12])
            [row] = [line for line in cluster_command(ray_nodes, "status").splitlines() if victim[:8] in line]
            assert [cell.strip() for cell in row.split("│")][3:5] == ["drained", "0"]
            async with Client(address) as client:
                assert (await client.run(Program("print(1)"))).verdict == Verdict.ACCEPTED
        finally:
            cluster_command(ray_nodes, "stop")
        began = time.monotonic()
        with pytest.raises(urllib.error.HTTPError, match="504"):
            await asyncio.to_thread(asked, f"{http}/run_code", body)
        assert time.monotonic() - began < 10
