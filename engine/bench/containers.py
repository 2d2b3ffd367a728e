"""`assay bench containers`: every peer at every number in flight, in rounds, so that all meet the same machine."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from engine.bench.load import Segment, median, quantile
from engine.bench.peer import Load, Peer, PeerFailed
from engine.bench.peers.assay import NotHeld
from engine.bench.programs import Name, Programs, programs
from engine.errors import AssayError

FLOOR: Final = "bare"
ROUNDS: Final = 5
_WARM_SECONDS: Final = 0.3
_FAILURES: Final = (AssayError, PeerFailed, OSError)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured; `seconds` is the load of each row, all rounds together."""

    peers: Sequence[Peer]
    programs: Sequence[Name]
    in_flight: Sequence[int]
    seconds: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One peer with one program at one number in flight; latencies are those of the caller.

    ratio            runs per second over those of the floor in the same round: the median of rounds; None without floor
    cpu_seconds      busy time of the whole machine per run, whoever spent it
    cpu_seconds_of   of that, what parts of the peer spent per run, where it can tell
    """

    peer: str
    program: Name
    in_flight: int
    runs: int
    errors: int
    first_error: str
    per_second: float
    p50_seconds: float | None
    p99_seconds: float | None
    cpu_seconds: float | None
    cpu_seconds_of: dict[str, float]
    ratio: float | None
    ratio_lowest: float | None
    ratio_highest: float | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` writes."""

    command: str
    machine: dict[str, str | int]
    seconds: float
    how: dict[str, str]
    rows: list[Row]
    missing: list[str]


class _Cell:
    """What was measured of one row so far; None for a round that failed."""

    def __init__(self) -> None:
        self.segments: list[Segment | None] = []
        self.first_error = ""

    def row(self, peer: str, program: Name, in_flight: int, floor: Sequence[Segment | None]) -> Row:
        segments = [segment for segment in self.segments if segment is not None]
        latencies = [latency for segment in segments for latency in segment.latencies]
        runs, seconds = len(latencies), sum(segment.seconds for segment in segments)
        failed = sum(segment is None for segment in self.segments)
        said = next((segment.first_error for segment in segments if segment.first_error), "")
        ratios = [
            mine.per_second / bare.per_second
            for mine, bare in zip(self.segments, floor, strict=False)
            if mine is not None and bare is not None and bare.latencies
        ]
        parts = {part for segment in segments for part in segment.cpu_seconds}
        return Row(
            peer=peer,
            program=program,
            in_flight=in_flight,
            runs=runs,
            errors=failed + sum(segment.errors for segment in segments),
            first_error=self.first_error or said,
            per_second=runs / seconds if seconds else 0.0,
            p50_seconds=quantile(latencies, 0.5) if runs else None,
            p99_seconds=quantile(latencies, 0.99) if runs else None,
            cpu_seconds=sum(segment.busy_seconds for segment in segments) / runs if runs else None,
            cpu_seconds_of={
                part: sum(segment.cpu_seconds.get(part, 0.0) for segment in segments) / runs if runs else 0.0
                for part in sorted(parts)
            },
            ratio=median(ratios) if ratios else None,
            ratio_lowest=min(ratios, default=None),
            ratio_highest=max(ratios, default=None),
        )


async def containers(plan: Plan, command: str, say: Callable[[str, float], None]) -> Report:
    """Measure; `say` hears what is measured and the share that is done. Raises CannotStart, NotHeld."""
    missing = {peer.name: found for peer in plan.peers if (found := peer.missing())}
    peers = [peer for peer in plan.peers if peer.name not in missing]
    load_before = os.getloadavg()[2]
    rows: list[Row] = []
    with programs() as made:
        for index, in_flight in enumerate(plan.in_flight):
            measured = _Measured(plan, peers, made, in_flight)
            rows += await measured.rows(functools.partial(_part, say, index, len(plan.in_flight)))
    machine: dict[str, str | int] = {
        "cores": os.cpu_count() or 1,
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "load_before": f"{load_before:.2f}",
    }
    return Report(
        command=command,
        machine=machine,
        seconds=plan.seconds,
        how={peer.name: peer.how for peer in peers},
        rows=rows,
        missing=list(missing.values()),
    )


def _part(say: Callable[[str, float], None], index: int, parts: int, what: str, share: float) -> None:
    say(what, (index + share) / parts)


class _Measured:
    """All rows of one number in flight."""

    def __init__(self, plan: Plan, peers: Sequence[Peer], made: Programs, in_flight: int) -> None:
        self._plan = plan
        self._peers = peers
        self._made = made
        self._in_flight = in_flight
        self._cells: dict[tuple[str, Name], _Cell] = {
            (peer.name, program): _Cell() for program in plan.programs for peer in peers if program in peer.programs
        }

    async def rows(self, say: Callable[[str, float], None]) -> list[Row]:
        async with contextlib.AsyncExitStack() as stack:
            loads: dict[str, Load] = {}
            for peer in self._peers:
                say(f"{peer.name} is made ready, {self._in_flight} in flight", 0.0)
                if (load := await self._opened(stack, peer)) is not None:
                    loads[peer.name] = load
            await self._rounds(loads, say)
        return [self._row(name, program, cell) for (name, program), cell in self._cells.items()]

    def _row(self, name: str, program: Name, cell: _Cell) -> Row:
        floor = self._cells.get((FLOOR, program))
        return cell.row(name, program, self._in_flight, floor.segments if floor else ())

    async def _opened(self, stack: contextlib.AsyncExitStack, peer: Peer) -> Load | None:
        try:
            load = await stack.enter_async_context(peer.open(self._made, self._in_flight))
            for program in self._plan.programs:
                if program in peer.programs:
                    await load(program, _WARM_SECONDS)
        except NotHeld:
            raise
        except _FAILURES as error:
            for (name, _), cell in self._cells.items():
                if name == peer.name:
                    cell.segments.append(None)
                    cell.first_error = f"does not start: {error}"
            return None
        return load

    async def _rounds(self, loads: dict[str, Load], say: Callable[[str, float], None]) -> None:
        cells = [(name, program, cell) for (name, program), cell in self._cells.items() if name in loads]
        for number in range(ROUNDS):
            for index, (name, program, cell) in enumerate(cells):
                done = (number + index / len(cells)) / ROUNDS
                say(f"{name}, {program} program, {self._in_flight} in flight, round {number + 1} of {ROUNDS}", done)
                await _measure(cell, loads[name], program, self._plan.seconds / ROUNDS)


async def _measure(cell: _Cell, load: Load, program: Name, seconds: float) -> None:
    try:
        cell.segments.append(await load(program, seconds))
    except NotHeld:
        raise
    except _FAILURES as error:
        cell.segments.append(None)
        cell.first_error = cell.first_error or str(error)
