"""What one client waits while another sends bodies of 30 MiB: `python -m benches.large_bodies`.

Rounds of each kind alternate, so that all see the same machine. The first client scores one maths item after the other
over HTTP; the second posts, from a process of its own, lists of code items whose completions hold no program: nothing
but their bodies is work. The floor is a process that only spins: what a busy core costs the first client anyway.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import msgspec

MIB: Final = 1 << 20
MATH: Final = msgspec.json.encode({"kind": "math", "completion": "\\boxed{42}", "reference": "42"})


def body_of(size_bytes: int) -> bytes:
    """A list of code items of that size, 50 tests each."""
    tests = [{"stdin": f"{number}\n", "expected": f"{number + 1}\n"} for number in range(50)]
    item = msgspec.json.encode({"kind": "code", "completion": "<think>" + "x" * 500, "tests": tests})
    return b"[" + b",".join(itertools.repeat(item, size_bytes // (len(item) + 1))) + b"]"


@contextmanager
def daemon() -> Iterator[str]:
    """A daemon of its own on a free port: its URL."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "assay", "serve", "--socket", str(Path(directory) / "s")]
        with subprocess.Popen([*command, "--http", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                lines = iter(process.stdout.readline, "")
                yield next(line.rpartition("http  ")[2].strip() for line in lines if "http  " in line)
            finally:
                process.terminate()


def posting(url: str, body: bytes, stop: multiprocessing.synchronize.Event) -> None:
    """Post the body, again and again, until told to stop."""
    with httpx.Client(timeout=120) as client:
        while not stop.is_set():
            client.post(f"{url}/v1/score", content=body).raise_for_status()


def spinning(url: str, body: bytes, stop: multiprocessing.synchronize.Event) -> None:
    """Keep a core busy, and leave the daemon alone."""
    while not stop.is_set():
        pass


async def latencies(url: str, seconds: float) -> list[float]:
    """Seconds of each maths item, sent one after the other."""
    found = []
    async with httpx.AsyncClient(timeout=60) as client:
        until = time.monotonic() + seconds
        while (began := time.monotonic()) < until:
            (await client.post(f"{url}/v1/score", content=MATH)).raise_for_status()
            found.append(time.monotonic() - began)
            await asyncio.sleep(0.002)
    return found


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed, in milliseconds."""
    return 1000 * sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=30, metavar="N", help="size of a body (30)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each kind (5)")
    parser.add_argument("--seconds", type=float, default=4.0, metavar="S", help="of one round (4)")
    arguments = parser.parse_args()
    body = body_of(arguments.mib * MIB)
    neighbours = {"alone": None, "beside a spinning process": spinning, f"beside {arguments.mib} MiB bodies": posting}
    found: dict[str, list[float]] = {name: [] for name in neighbours}
    with daemon() as url:
        for _ in range(arguments.rounds):
            for name, neighbour in neighbours.items():
                stop = multiprocessing.Event()
                other = multiprocessing.Process(target=neighbour, args=(url, body, stop))
                other.start()
                found[name] += asyncio.run(latencies(url, arguments.seconds))
                stop.set()
                other.join()
    for name, seconds in found.items():
        shown = "  ".join(f"{label} {quantile(seconds, at):6.2f} ms" for label, at in (("p50", 0.5), ("p99", 0.99)))
        print(f"{name:26} {len(seconds):6} requests  {shown}  longest {1000 * max(seconds):7.2f} ms")


if __name__ == "__main__":
    main()
