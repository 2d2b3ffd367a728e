"""What was measured, as it is written to JSON; ratios are medians of the rounds' ratios."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec

from engine.machine.resources import cores, memory_bytes


class Row(msgspec.Struct, kw_only=True):
    """One way, with what each round gave: seconds, and whatever else it counts."""

    way: str
    rounds: list[dict[str, float]] = []
    facts: dict[str, float] = {}

    def middle(self, key: str) -> float | None:
        """The median of the rounds that have it."""
        found = [numbers[key] for numbers in self.rounds if key in numbers]
        return median(found) if found else None


class Comparison(msgspec.Struct, kw_only=True):
    """Ways that took turns in the same rounds.

    part      of the bench: a to f
    baseline  the way that the others are held against
    failures  of ways, with what they said
    """

    part: str
    title: str
    baseline: str
    threads: int
    rows: list[Row] = []
    failures: list[str] = []

    def row(self, way: str) -> Row | None:
        """That of a way."""
        return next((row for row in self.rows if row.way == way), None)

    def ratio(self, way: str, key: str = "seconds", per: str | None = None) -> float | None:
        """Of a way to the baseline; `per` divides both by what they counted of it."""
        ratios = self.ratios(way, key, per)
        return median(ratios) if ratios else None

    def ratios(self, way: str, key: str = "seconds", per: str | None = None) -> list[float]:
        """Of each round."""
        mine, base = self.row(way), self.row(self.baseline)
        if mine is None or base is None:
            return []
        found = []
        for ours, theirs in zip(mine.rounds, base.rounds, strict=False):
            if per and not (ours.get(per) and theirs.get(per)):
                continue
            if key in ours and theirs.get(key):
                ratio = ours[key] / theirs[key]
                found.append(ratio * theirs[per] / ours[per] if per else ratio)
        return found


class Point(msgspec.Struct, kw_only=True):
    """An evaluation: after so many iterations and seconds of training."""

    iteration: int
    seconds: float
    cpu_seconds: float
    reward: float


class Curve(msgspec.Struct, kw_only=True):
    """One run's held-out reward; `swept` where it only chose the learning rate."""

    peer: str
    learning_rate: float
    seed: int
    swept: bool
    points: list[Point] = []

    def seconds_to(self, level: float, *, cpu: bool = False) -> float | None:
        """Until the reward is there, between two evaluations in proportion; None where it never is."""
        before: Point | None = None
        for point in self.points:
            if point.reward >= level:
                now = point.cpu_seconds if cpu else point.seconds
                if before is None or point.reward == before.reward:
                    return now
                then = before.cpu_seconds if cpu else before.seconds
                return then + (now - then) * (level - before.reward) / (point.reward - before.reward)
            before = point
        return None


class Results(msgspec.Struct, kw_only=True):
    """Everything.

    seconds   that the whole bench took
    rates     the learning rate that the sweep chose, by peer
    failures  of parts
    """

    command: str
    machine: dict[str, str | int | float]
    versions: dict[str, str]
    seconds: float = 0.0
    comparisons: list[Comparison] = []
    curves: list[Curve] = []
    rates: dict[str, float] = {}
    failures: list[str] = []

    def keep(self, before: Results, parts: Sequence[str]) -> None:
        """Takes over what an earlier run measured of other parts than these."""
        self.comparisons += [comparison for comparison in before.comparisons if comparison.part not in parts]
        if "f" not in parts:
            self.curves, self.rates = before.curves, before.rates

    def write(self, path: Path) -> None:
        """Whole or not at all, as often as there is something new."""
        beside = path.with_suffix(".part")
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        beside.replace(path)


def read(path: Path) -> Results:
    """What `Results.write` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Results)


def common_level(curves: Sequence[Curve]) -> float | None:
    """The highest held-out reward, in hundredths, that every run reaches; None where that is no more than its start."""
    if not curves or not all(curve.points for curve in curves):
        return None
    lowest = min(max(point.reward for point in curve.points) for curve in curves)
    level = int(100 * lowest + 1e-9) / 100
    return level if level > max(curve.points[0].reward for curve in curves) else None


def machine() -> dict[str, str | int | float]:
    """What it ran on."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0].partition(":")[2].strip() if names else platform.machine(),
        "cores": cores(),
        "memory_gib": round(memory_bytes() / 2**30),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[2], 2),
    }
