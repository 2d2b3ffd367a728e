"""What could grow with the number of runs: sampled from /proc, judged by a line through the samples.

Counts (processes, descriptors, mounts ...) are exact, so none may grow; memory is noisy, so each kind has an allowance.
The line is least squares over the last 80 % of the samples. With few samples its slope is uncertain by itself:
something grows only if even the lower bound of the slope's confidence interval is past the allowance.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Final

from engine.engine import Engine
from tests.support.traces import NAMESPACES, Instance, cgroups

PER_RUNS: Final = 10_000
SKIPPED_SHARE: Final = 0.2
# One-sided 99.9 %: some thirty series are judged at once.
DEVIATIONS: Final = 3.1
KIB: Final = 1024
MEMORY_ALLOWANCE: Final = 64 * KIB
SLAB_ALLOWANCE: Final = 1024 * KIB
# The kernel counts objects by whole slabs of each core. A leak would be thousands.
OBJECTS_ALLOWANCE: Final = 100
_SLABS: Final = ("net_namespace", "pid_namespace", "user_namespace", "uts_namespace", "mnt_cache")
ALLOWANCES: Final[dict[str, float]] = {
    **{f"objects of {name}": OBJECTS_ALLOWANCE for name in _SLABS},
    "memory of the supervisor": MEMORY_ALLOWANCE,
    "memory of a keeper": MEMORY_ALLOWANCE,
    "slab that cannot be reclaimed": SLAB_ALLOWANCE,
    "page tables": SLAB_ALLOWANCE,
}
_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Slope:
    """Growth per 10,000 runs, and how much of that may be chance."""

    value: float
    error: float

    @classmethod
    def of(cls, runs: Sequence[float], values: Sequence[float]) -> Slope:
        """The least-squares line through the last 80 % of the samples."""
        first = int(len(runs) * SKIPPED_SHARE)
        x, y = runs[first:], values[first:]
        mean_x, mean_y = fmean(x), fmean(y)
        spread = sum((value - mean_x) ** 2 for value in x)
        slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
        residuals = sum((b - mean_y - slope * (a - mean_x)) ** 2 for a, b in zip(x, y, strict=True))
        error = math.sqrt(residuals / (len(x) - 2) / spread)
        return cls(slope * PER_RUNS, error * PER_RUNS)

    def is_past(self, allowance: float) -> bool:
        """Whether the growth is more than `allowance`, beyond chance."""
        return self.value - DEVIATIONS * self.error > allowance


@dataclass
class Growth:
    """Samples of one soak: the number of runs so far, and every quantity then."""

    runs: list[int] = field(default_factory=list)
    series: dict[str, list[float]] = field(default_factory=dict)

    def add(self, runs: int, sample: dict[str, float]) -> None:
        self.runs.append(runs)
        for name, value in sample.items():
            self.series.setdefault(name, [0.0] * (len(self.runs) - 1)).append(value)
        for values in self.series.values():
            # A quantity that is not there any more, such as the last namespace of a type.
            values.extend([0.0] * (len(self.runs) - len(values)))

    def slopes(self) -> dict[str, Slope]:
        return {name: Slope.of(self.runs, values) for name, values in self.series.items()}

    def complaints(self) -> list[str]:
        """Everything that grows."""
        return [
            f"{name} grows by {slope.value:.1f} +- {slope.error:.1f} for {PER_RUNS:,} runs: {self.series[name]}"
            for name, slope in self.slopes().items()
            if slope.is_past(ALLOWANCES.get(name, 0.0))
        ]


def sample(engine: Engine) -> dict[str, float]:
    """Every quantity now; the engine must be at rest."""
    facts = engine.facts()
    instance = Instance.of(facts)
    ours = [instance.supervisor, *instance.keepers]
    found: Counter[str] = Counter()
    found["processes"] = sum(1 for pid in _pids() if _belongs(pid, instance))
    found["descriptors of the engine"] = _descriptors(os.getpid())
    found["descriptors of the supervisor"] = _descriptors(instance.supervisor)
    found["descriptors of the keepers"] = sum(map(_descriptors, instance.keepers))
    found["mounts of the engine"] = _mounts(os.getpid())
    found["mounts of the supervisor"] = _mounts(instance.supervisor)
    found["mounts of the keepers"] = sum(map(_mounts, instance.keepers))
    found["control groups"] = sum(1 for place in cgroups(instance.name) for _ in place.rglob("cgroup.procs"))
    found["dying control groups"] = sum(_dying_groups())
    found["keys"] = len((_PROC / "keys").read_text().splitlines())
    found["keys of all users"] = sum(_keys_of_users())
    for kind in NAMESPACES:
        found[f"{kind} namespaces"] = len({link for pid in ours if (link := _link(_PROC / f"{pid}/ns/{kind}"))})
    keepers = [_resident(pid) for pid in instance.keepers]
    return {
        **found,
        **{f"objects of {name}": value for name, value in _slabs()},
        "memory of the supervisor": _resident(instance.supervisor),
        "memory of a keeper": sum(keepers) / len(keepers),
        "slab that cannot be reclaimed": _meminfo("SUnreclaim"),
        "page tables": _meminfo("PageTables"),
    }


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _belongs(pid: int, instance: Instance) -> bool:
    uids = next((line.split()[1:] for line in _lines(_PROC / f"{pid}/status") if line.startswith("Uid:")), [])
    return pid == instance.supervisor or any(int(uid) in instance.uids for uid in uids)


def _descriptors(pid: int) -> int:
    return len(list((_PROC / f"{pid}/fd").iterdir()))


def _mounts(pid: int) -> int:
    return len(_lines(_PROC / f"{pid}/mountinfo"))


def _dying_groups() -> Iterator[int]:
    """Groups that the kernel still counts but shows no directory of."""
    counted = {line.split()[0]: int(line.split()[2]) for line in _lines(_PROC / "cgroups")[1:]}
    for line in _lines(_PROC / "self/mountinfo"):
        fields, _, kind = line.partition(" - ")
        place = Path(fields.split()[4])
        if kind.startswith("cgroup2 "):
            stat = dict(line.split() for line in _lines(place / "cgroup.stat"))
            yield int(stat.get("nr_dying_descendants", 0))
        elif kind.startswith("cgroup "):
            controllers = [name for name in kind.split()[2].split(",") if name in counted]
            if controllers:
                yield counted[controllers[0]] - sum(1 for _ in os.walk(place))


def _keys_of_users() -> Iterator[int]:
    """Keys that each user holds: the field `instantiated/all` of /proc/key-users is the third."""
    return (int(line.split()[2].split("/")[1]) for line in _lines(_PROC / "key-users"))


def _slabs() -> Iterator[tuple[str, float]]:
    for line in _lines(_PROC / "slabinfo"):
        name, active, *_ = line.split()
        if name in _SLABS:
            yield name, float(active)


def _resident(pid: int) -> float:
    """Memory of its own, counted page by page: `status` is out by what each core has not reported yet."""
    lines = _lines(_PROC / f"{pid}/smaps_rollup")
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith("Anonymous:"))


def _meminfo(name: str) -> float:
    return next(int(line.split()[1]) * KIB for line in _lines(_PROC / "meminfo") if line.startswith(name + ":"))


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []
