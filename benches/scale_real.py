"""Jobs per second of 1 to 4 real nodes of Ray on this machine, for benches.scale to agree with.

    python -m benches.scale_real --json benches/scale.json

Four nodes here share this machine's cores. Programs that sleep need none, so that slots are what is scarce, as on
machines of their own; programs that spin show what the sharing does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any

from assay import Cluster, Program
from benches.scale import SLOTS, closed_rate
from engine.client.nodes import Nodes
from engine.config.cluster import ClusterConfig
from engine.config.engine import EngineConfig
from engine.config.settings import Settings
from tests.support.ray_nodes import RESOURCE, RayNodes

IN_FLIGHT_PER_SLOT = 2


def sleeps(nodes: int) -> list[float]:
    """Seconds that the programs sleep: skewed, the long ones ten times the short."""
    numbers = random.Random(nodes)
    return [1.5 if numbers.random() < 0.1 else 0.15 for _ in range(80 * nodes)]


async def rate(cluster: Cluster, sources: list[str], in_flight: int) -> tuple[float, float]:
    """Jobs per second, and the mean wall seconds of a program."""
    turns = asyncio.Semaphore(in_flight)
    walls = []

    async def one(source: str) -> None:
        async with turns:
            walls.append((await cluster.run(Program(source))).wall_seconds)

    began = time.monotonic()
    await asyncio.gather(*map(one, sources))
    return len(sources) / (time.monotonic() - began), sum(walls) / len(walls)


async def measured(nodes_count: int) -> dict[str, Any]:
    """The rates with so many nodes, and what the simulation says."""
    settings = Settings(engine=EngineConfig(slots=SLOTS), cluster=ClusterConfig(resource=RESOURCE))
    async with Cluster(settings) as cluster:
        nodes = Nodes()
        await nodes.open(lambda reports: len(reports) == nodes_count)
        await nodes.close()
        in_flight = IN_FLIGHT_PER_SLOT * SLOTS * nodes_count
        await rate(cluster, ["pass"] * in_flight, in_flight)
        seconds = sleeps(nodes_count)
        _, idle_seconds = await rate(cluster, ["pass"] * 20, 1)
        real, wall = await rate(cluster, [f"import time; time.sleep({each})" for each in seconds], in_flight)
        spinning, _ = await rate(cluster, ["for _ in range(3_000_000): pass"] * 60, in_flight)
        await cluster.stop()
    # What a run costs beside its sleep is measured, in the same run.
    overhead = wall - sum(seconds) / len(seconds)
    return {
        "nodes": nodes_count,
        "real": real,
        "simulated": closed_rate(nodes_count, seconds, in_flight, overhead),
        "overhead_seconds": overhead,
        "idle_seconds": idle_seconds,
        "spinning": spinning,
    }


def main() -> None:
    """Measure with 1, 2, 3 and 4 nodes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    ray_nodes = RayNodes()
    rows = []
    try:
        for count in (1, 2, 3, 4):
            ray_nodes.add()
            rows.append(asyncio.run(measured(count)))
            print(rows[-1])
    finally:
        ray_nodes.shutdown()
    arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
