"""The ways to judge that are compared: Assay, a process for each test, a fork for each test, verl's prime_code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

import rewards.bench
from engine.bench.peer import PeerFailed
from engine.languages.table import LANGUAGES
from rewards.bench.generated import CPU_LIMIT_SECONDS
from rewards.bench.items import BenchItem
from rewards.client import RewardClient
from rewards.reward import Reward

Way = Literal["assay", "subprocess", "fork", "prime_code"]
WAYS: Final[tuple[Way, ...]] = ("assay", "subprocess", "fork", "prime_code")
HOW: Final[dict[Way, str]] = {
    "assay": "`RewardClient` at a daemon of the bench's own",
    "subprocess": "a fresh `python3`, or the compiled program, for each test: no isolation, a timeout",
    "fork": "`exec` in a fork of a Python that has imported the usual modules, for each test: no isolation, a timeout",
    "prime_code": "verl's `prime_code.compute_score(..., continuous=True)`, a process for each in flight",
}
NO_PRIME_CODE: Final = (
    "prime_code: give a Python that has it with --prime-code PYTHON: "
    "python3 -m venv V && V/bin/pip install numpy && V/bin/pip install --no-deps verl"
)
# A verdict: accepted or not; None where there is none.
Judge = Callable[[BenchItem], Awaitable[bool | None]]
_PYTHON: Final = LANGUAGES["python"].run[0]
_LINE_BYTES: Final = 16 << 20


def can_judge(way: Way, item: BenchItem) -> bool:
    """Whether an item has a form that this way takes."""
    match way:
        case "fork":
            return item.language == "python"
        case "prime_code":
            return item.prime_code is not None
        case _:
            return True


@contextlib.asynccontextmanager
async def opened(way: Way, in_flight: int, address: str, prime_code: str | None) -> AsyncIterator[Judge]:
    """The way, ready to judge so many at once; raises PeerFailed, OSError."""
    match way:
        case "assay":
            async with RewardClient(address) as client:
                yield lambda item: _asked(client, item)
        case "subprocess":
            with ThreadPoolExecutor(in_flight) as threads:
                loop = asyncio.get_running_loop()
                yield lambda item: loop.run_in_executor(threads, _by_processes, item)
        case "fork":
            async with _workers(_PYTHON, "forked.py", in_flight) as ask:
                yield lambda item: ask(
                    {"source": item.alone, "streams": item.streams, "seconds": CPU_LIMIT_SECONDS},
                )
        case "prime_code":
            async with _workers(prime_code or sys.executable, "prime_code.py", in_flight) as ask:
                yield lambda item: ask({"completion": item.item["completion"], "tests": item.prime_code})


async def _asked(client: RewardClient, item: BenchItem) -> bool | None:
    reward = await client.score(item.item)
    return reward.reward == 1.0 if isinstance(reward, Reward) else None


def _by_processes(item: BenchItem) -> bool:
    """The program in a fresh process for each test, up to the first that fails."""
    language = LANGUAGES[item.language]
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as place:
        Path(place, language.source_name).write_text(item.alone)
        argv = language.run
        if language.compile is not None:
            made = subprocess.run(language.compile, cwd=place, capture_output=True, check=False)
            argv = (str(Path(place, "main")),)
            if made.returncode != 0:
                return False
        return all(_passes(argv, place, stdin, expected) for stdin, expected in item.streams)


def _passes(argv: tuple[str, ...], place: str, stdin: str, expected: str) -> bool:
    try:
        ended = subprocess.run(
            argv, cwd=place, input=stdin.encode(), capture_output=True, check=False, timeout=CPU_LIMIT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0 and ended.stdout.split() == expected.encode().split()


@contextlib.asynccontextmanager
async def _workers(python: str, script: str, number: int) -> AsyncIterator[Callable[[dict[str, Any]], Awaitable[bool]]]:
    """Processes that each answer one line at a time."""
    path = resources.files(rewards.bench).joinpath("peers", script)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    async with contextlib.AsyncExitStack() as stack:
        idle: asyncio.LifoQueue[asyncio.subprocess.Process] = asyncio.LifoQueue()
        for _ in range(number):
            worker = await asyncio.create_subprocess_exec(
                python,
                str(path),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                limit=_LINE_BYTES,
            )
            stack.push_async_callback(_ended, worker)
            idle.put_nowait(worker)

        async def ask(question: dict[str, Any]) -> bool:
            worker = await idle.get()
            try:
                assert worker.stdin is not None
                assert worker.stdout is not None
                worker.stdin.write(msgspec.json.encode(question) + b"\n")
                await worker.stdin.drain()
                line = await worker.stdout.readline()
            finally:
                idle.put_nowait(worker)
            if not line:
                raise PeerFailed(f"{python} {script} ended")
            accepted: bool = msgspec.json.decode(line)["accepted"]
            return accepted

        yield ask


async def _ended(worker: asyncio.subprocess.Process) -> None:
    assert worker.stdin is not None
    worker.stdin.close()
    await worker.wait()
