"""`assay bench warm`: Python programs begun as forks of one that is ready, beside other beginnings and a floor."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from engine.bench.http_connection import Connection
from engine.bench.load import Segment, closed_loop, median, quantile
from engine.bench.peer import PeerFailed
from engine.bench.peers.commands import commands_run
from engine.bench.peers.http import SERVE
from engine.bench.programs import Programs, programs
from engine.config.engine import EngineConfig, Warm
from engine.engine import Engine
from engine.errors import AssayError, SandboxError
from engine.languages.table import LANGUAGES
from engine.program import Program

ROUNDS: Final = 5
FLOOR: Final = "bare posix_spawn of nothing"
_PYTHON: Final = LANGUAGES["python"].run[0]
SOURCES: Final = {
    "print(1)": "print(1)\n",
    "six imports": "import collections, heapq, json, math, re, typing\nprint(re.findall('a', 'banana'))\n",
    "numpy": "import numpy\nprint(numpy.arange(3).sum())\n",
}
_Load = Callable[[float], Awaitable[Segment]]


class WarmRow(msgspec.Struct, frozen=True, kw_only=True):
    """One program begun one way, with so many runs in flight.

    of_floor     runs per second beside the floor's in the same round: the median, the lowest and the highest
    cpu_seconds  what the program's processes used, as the engine counts it; None where it does not
    """

    program: str
    way: str
    in_flight: int
    per_second: float
    of_floor: float
    of_floor_lowest: float
    of_floor_highest: float
    p50_seconds: float
    p99_seconds: float
    cpu_seconds: float | None
    errors: int


async def warm(in_flight: Sequence[int], seconds: float, say: Callable[[str, float], None]) -> list[WarmRow]:
    """Measure; `seconds` of load for each row, all rounds together. Raises CannotStart, SandboxError."""
    rows: list[WarmRow] = []
    sources = dict(SOURCES)
    if not await asyncio.to_thread(_has_numpy):
        del sources["numpy"]
    with programs() as made:
        for index, number in enumerate(in_flight):
            async with _loads(made, sources, number) as loads:
                for at, (source, ways) in enumerate(loads.items()):
                    say(f"{source}, {number} in flight", (index + at / len(loads)) / len(in_flight))
                    rows += await _rows(source, ways, number, seconds / ROUNDS)
    return rows


def _has_numpy() -> bool:
    return subprocess.run([_PYTHON, "-c", "import numpy"], capture_output=True, check=False).returncode == 0


async def _rows(source: str, ways: dict[str, _Load], in_flight: int, seconds: float) -> list[WarmRow]:
    for load in ways.values():
        await load(0.2)
    rounds = [{way: await load(seconds) for way, load in ways.items()} for _ in range(ROUNDS)]
    return [_row(source, way, in_flight, rounds) for way in ways]


def _row(source: str, way: str, in_flight: int, rounds: Sequence[dict[str, Segment]]) -> WarmRow:
    segments = [segments[way] for segments in rounds]
    ratios = [segments[way].per_second / segments[FLOOR].per_second for segments in rounds]
    latencies = [latency for segment in segments for latency in segment.latencies]
    cpu = [segment.cpu_seconds["program"] for segment in segments if "program" in segment.cpu_seconds]
    return WarmRow(
        program=source,
        way=way,
        in_flight=in_flight,
        per_second=median(segment.per_second for segment in segments),
        of_floor=median(ratios),
        of_floor_lowest=min(ratios),
        of_floor_highest=max(ratios),
        p50_seconds=quantile(latencies, 0.5),
        p99_seconds=quantile(latencies, 0.99),
        cpu_seconds=sum(cpu) / len(latencies) if cpu and latencies else None,
        errors=sum(segment.errors for segment in segments),
    )


@contextlib.asynccontextmanager
async def _loads(made: Programs, sources: dict[str, str], in_flight: int) -> AsyncIterator[dict[str, dict[str, _Load]]]:
    """By program, then by way of beginning."""
    config = EngineConfig(warm={"numpy": Warm(preload=("numpy",))} if "numpy" in sources else {})
    async with contextlib.AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-bench-")))
        engine = await stack.enter_async_context(Engine(slots=in_flight, config=config))
        connections = await stack.enter_async_context(SERVE.connections(in_flight))
        loads: dict[str, dict[str, _Load]] = {}
        for name, source in sources.items():
            script = place / f"{len(loads)}.py"
            script.write_text(source)
            loads[name] = {
                FLOOR: _commands([made.path("dynamic")], in_flight),
                "python3, no sandbox": _commands([_PYTHON, str(script)], in_flight),
                "engine, cold": _engine(engine, Program(source=source, warm=False), in_flight),
                "engine, warm": _engine(engine, Program(source=source), in_flight),
            }
            if name != "numpy":
                # The daemon of the bench has no kind with numpy.
                loads[name]["POST /run_code, warm"] = _http(connections, source, in_flight)
        yield loads


def _commands(argv: list[str], in_flight: int) -> _Load:
    return lambda seconds: commands_run(argv, in_flight, seconds)


def _engine(engine: Engine, program: Program, in_flight: int) -> _Load:
    async def load(seconds: float) -> Segment:
        used = 0.0

        async def run() -> None:
            nonlocal used
            outcome = await engine.run(program)
            if not outcome.clean:
                raise SandboxError(f"it ended with {outcome.verdict}: {outcome.stderr!r}")
            used += outcome.cpu_seconds

        segment = await closed_loop(run, in_flight, seconds, (AssayError,))
        return msgspec.structs.replace(segment, cpu_seconds={"program": used})

    return load


def _http(connections: list[Connection], source: str, in_flight: int) -> _Load:
    body = msgspec.json.encode({"code": source, "language": "python"})

    async def run() -> None:
        connection = connections.pop()
        try:
            status, said = await connection.post("/run_code", body)
        finally:
            connections.append(connection)
        if status != 200 or b'"Success"' not in said:
            raise PeerFailed(f"HTTP {status}: {said[:300].decode(errors='replace')}")

    return lambda seconds: closed_loop(run, in_flight, seconds, (PeerFailed, OSError))
