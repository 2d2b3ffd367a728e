"""Steady load: so many callers, each with one run after the other; what they saw and what the machine spent."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

# Fields of the first line of /proc/stat that are no work of this machine's: idle, iowait, steal.
_NOT_BUSY: Final = (3, 4, 7)
# Guest time is in user time already.
_FIELDS: Final = 8


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of steady load.

    latencies     seconds that each run took, as its caller saw it
    busy_seconds  what all cores of the machine worked meanwhile, whoever for
    errors        runs that failed, and what the first of them said
    cpu_seconds   what parts of the peer used in all, where it can tell
    """

    seconds: float
    latencies: list[float]
    busy_seconds: float
    errors: int = 0
    first_error: str = ""
    cpu_seconds: dict[str, float] = {}

    @property
    def per_second(self) -> float:
        """Runs per second."""
        return len(self.latencies) / self.seconds


async def closed_loop(
    run: Callable[[], Awaitable[None]], in_flight: int, seconds: float, failures: tuple[type[Exception], ...]
) -> Segment:
    """`run` by `in_flight` callers for so long; an exception of `failures` is an error of the run."""
    clock = time.perf_counter
    latencies: list[float] = []
    errors: list[str] = []
    busy = busy_seconds()
    began = clock()
    end = began + seconds

    async def one_after_another() -> None:
        while (started := clock()) < end:
            try:
                await run()
            except failures as error:
                errors.append(str(error))
            else:
                latencies.append(clock() - started)

    async with asyncio.TaskGroup() as callers:
        for _ in range(in_flight):
            callers.create_task(one_after_another())
    return Segment(
        seconds=clock() - began,
        latencies=latencies,
        busy_seconds=busy_seconds() - busy,
        errors=len(errors),
        first_error=errors[0] if errors else "",
    )


def busy_seconds() -> float:
    """CPU seconds that all cores have worked since the machine started, whoever for."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1 : 1 + _FIELDS]]
    ticks = sum(value for index, value in enumerate(fields) if index not in _NOT_BUSY)
    return ticks / os.sysconf("SC_CLK_TCK")


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the others do not exceed, by rank; NaN of nothing."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


def median(values: Iterable[float]) -> float:
    """The median; NaN of nothing."""
    found = list(values)
    return statistics.median(found) if found else float("nan")
