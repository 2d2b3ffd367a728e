"""`assay bench load`: programs that print, sleep, work and loop, all at once: who is lost, who waits for whom."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import platform
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final, Literal

import msgspec

from engine.bench.load import quantile
from engine.bench.peers.judge import judged_by_go_judge
from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.errors import Overloaded
from engine.machine import resources
from engine.program import MIB, Limits, Program, Verdict

KindName = Literal["print", "exit 1", "sleep", "long", "loop"]
# What a request may wait in the queue, as a client with a short patience has it.
PATIENCE_SECONDS: Final = 8.0
LIMITS: Final = Limits(cpu_seconds=1.0, wall_seconds=1.0, memory_bytes=128 * MIB, processes=16)
# Beside one that only loops.
CLIENTS: Final = 19
_OF_LIMIT: Final = 0.6
_SLEEP_SECONDS: Final = 0.3
_BURN: Final = f"import time\nwhile time.process_time() < {_OF_LIMIT * LIMITS.cpu_seconds}: pass\nprint(1)"
_WARM_RUNS: Final = 2
_CLIENT_IN_FLIGHT: Final = 2

Say = Callable[[str, float], None]
# A kind and a client's name; the verdict, or None where the request was lost.
Judge = Callable[["Kind", str], Awaitable[Verdict | None]]


class Kind(msgspec.Struct, frozen=True):
    """Programs of one sort: of a hundred requests so many, and the verdict that each of them deserves."""

    name: KindName
    source: str
    of_hundred: int
    verdict: Verdict


PRINT: Final = Kind("print", "print(1)", 40, Verdict.ACCEPTED)
LOOP: Final = Kind("loop", "while True: pass", 16, Verdict.TIME_LIMIT)
KINDS: Final = (
    PRINT,
    Kind("exit 1", "raise SystemExit(1)", 10, Verdict.RUNTIME_ERROR),
    Kind("sleep", f"import time; time.sleep({_SLEEP_SECONDS})", 20, Verdict.ACCEPTED),
    Kind("long", _BURN, 14, Verdict.ACCEPTED),
    LOOP,
)


class MixRow(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of program in one setting; latencies are the caller's, of requests that were judged.

    lost   requests that were turned away, or not answered in time
    flips  verdicts other than the deserved one
    """

    setting: str
    kind: str
    requests: int
    lost: int
    flips: int
    p50_seconds: float
    p99_seconds: float


class MixReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` writes; `clients` are those that only print, without one that only loops and with it."""

    command: str
    machine: dict[str, str | int]
    requests: int
    in_flight: int
    rows: list[MixRow]
    clients: list[MixRow]
    missing: list[str]


class _Seen(msgspec.Struct):
    """What the requests of one kind came to."""

    latencies: list[float]
    lost: int = 0
    flips: int = 0

    def row(self, setting: str, kind: str) -> MixRow:
        return MixRow(
            setting=setting,
            kind=kind,
            requests=len(self.latencies) + self.lost,
            lost=self.lost,
            flips=self.flips,
            p50_seconds=quantile(self.latencies, 0.5),
            p99_seconds=quantile(self.latencies, 0.99),
        )


async def mixed(
    requests: int, in_flight: int, client_requests: int, go_judge: str | None, command: str, say: Say
) -> MixReport:
    """Measure every setting; raises CannotStart, SandboxError, PeerFailed, OSError."""
    cores = resources.cores()
    few, many = cores, resources.live_programs().slots
    load_before = os.getloadavg()[0]
    rows: list[MixRow] = []

    async def measure(setting: str, judge: Judge) -> None:
        say(setting, len(rows) / (len(KINDS) * (4 + bool(go_judge))))
        rows.extend(await _mix(setting, judge, requests, in_flight))

    async with _engine(many) as judge:
        await measure(f"{many} slots", judge)
        with _busy(cores):
            await measure(f"{many} slots, cores busy", judge)
        say("clients without one that loops, and with it", len(rows) / (len(KINDS) * 4))
        clients = [await _clients(judge, client_requests, loops=loops) for loops in (False, True)]
    async with _engine(few) as judge:
        await measure(f"{few} slots, as cores", judge)
    if go_judge:
        async with judged_by_go_judge(go_judge, cores, LIMITS, PATIENCE_SECONDS) as ask:

            async def judge_there(kind: Kind, client: str) -> Verdict | None:
                return await ask(kind.source)

            await measure(f"go-judge, {cores} at once", judge_there)
    return MixReport(
        command=command,
        machine={
            "cores": cores,
            "kernel": platform.release(),
            "architecture": platform.machine(),
            "load_before": f"{load_before:.2f}",
        },
        requests=requests,
        in_flight=in_flight,
        rows=rows,
        clients=clients,
        missing=[] if go_judge else ["go-judge: give its program with --go-judge FILE"],
    )


@contextlib.asynccontextmanager
async def _engine(slots: int) -> AsyncIterator[Judge]:
    async with Engine(config=EngineConfig(slots=slots)) as engine:

        async def judge(kind: Kind, client: str) -> Verdict | None:
            program = Program(kind.source)
            try:
                outcome = await engine.run(program, limits=LIMITS, deadline_seconds=PATIENCE_SECONDS, client=client)
            except Overloaded:
                return None
            return outcome.verdict

        for _ in range(_WARM_RUNS):
            await asyncio.gather(*[judge(PRINT, "") for _ in range(slots)])
        yield judge


def order(requests: int) -> Iterator[Kind]:
    """So many requests, the kinds spread evenly, and always in the same order."""
    given = dict.fromkeys(KINDS, 0)
    for number in range(requests):
        # Whichever is furthest behind its share.
        kind = max(KINDS, key=lambda kind: kind.of_hundred * (number + 1) / 100 - given[kind])
        given[kind] += 1
        yield kind


async def _mix(setting: str, judge: Judge, requests: int, in_flight: int) -> list[MixRow]:
    seen = {kind: _Seen([]) for kind in KINDS}
    await _asked(judge, order(requests), in_flight, "", seen)
    return [found.row(setting, kind.name) for kind, found in seen.items()]


async def _clients(judge: Judge, requests: int, *, loops: bool) -> MixRow:
    """All the clients that print, as one row."""
    seen = {PRINT: _Seen([])}
    printing = [
        asyncio.create_task(
            _asked(judge, itertools.repeat(PRINT, requests), _CLIENT_IN_FLIGHT, f"client {number}", seen)
        )
        for number in range(CLIENTS)
    ]
    looping = None
    if loops:
        endless = _asked(judge, itertools.repeat(LOOP), _CLIENT_IN_FLIGHT * CLIENTS, "loops", {LOOP: _Seen([])})
        looping = asyncio.create_task(endless)
    await asyncio.gather(*printing)
    if looping is not None:
        looping.cancel()
        await asyncio.wait([looping])
    return seen[PRINT].row(f"{CLIENTS} clients" + (", one more that loops" if loops else ""), PRINT.name)


async def _asked(judge: Judge, kinds: Iterator[Kind], in_flight: int, client: str, seen: dict[Kind, _Seen]) -> None:
    async def one_after_another() -> None:
        for kind in kinds:
            began = time.perf_counter()
            verdict = await judge(kind, client)
            found = seen[kind]
            if verdict is None:
                found.lost += 1
                continue
            found.latencies.append(time.perf_counter() - began)
            found.flips += verdict is not kind.verdict

    async with asyncio.TaskGroup() as callers:
        for _ in range(in_flight):
            callers.create_task(one_after_another())


@contextlib.contextmanager
def _busy(cores: int) -> Iterator[None]:
    """Every core has a process of somebody else's that only spins."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()
