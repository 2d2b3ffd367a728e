"""What could grow with the number of runs: sampled from /proc and control groups, judged by a line through the samples.

Everything counted belongs to the engine under test, or to this process and what it has started: what the rest of the
machine does in the meantime is in no figure. Counts (processes, descriptors, mounts ...) are exact, so none may grow;
memory is noisy, so each kind has an allowance.
The line is least squares over the last 80 % of the samples. With few samples its slope is uncertain by itself:
something grows only if even the lower bound of the slope's confidence interval is past the allowance.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Final

from engine.machine.place import own_groups
from tests.support.traces import NAMESPACES, Instance, cgroups

PER_RUNS: Final = 10_000
SKIPPED_SHARE: Final = 0.2
# One-sided 99.9 %: some thirty series are judged at once.
DEVIATIONS: Final = 3.1
KIB: Final = 1024
MEMORY_ALLOWANCE: Final = 64 * KIB
KERNEL_ALLOWANCE: Final = 1024 * KIB
ALLOWANCES: Final[dict[str, float]] = {
    "memory of the supervisor": MEMORY_ALLOWANCE,
    "memory of a keeper": MEMORY_ALLOWANCE,
    "kernel memory of the slots": KERNEL_ALLOWANCE,
    "kernel memory of all that was started": KERNEL_ALLOWANCE,
}
_PROC: Final = Path("/proc")
_KERNEL_MEMORY: Final = "memory.kmem.usage_in_bytes"


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


@contextlib.contextmanager
def own_group() -> Iterator[Path]:
    """A control group of this process for the kernel to charge memory to, with engines and supervisors started in it.

    Under cgroup v1 it is one of its own, in the hierarchy of the memory controller alone. Under v2 a group may not be
    put between an engine and the controllers that it hands on: there it is the one that the process is in.
    """
    outer = own_groups(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())[0]
    if not (outer / _KERNEL_MEMORY).exists():
        yield outer
        return
    inner = outer / f"assay-growth-{os.getpid()}"
    inner.mkdir()
    try:
        (inner / "cgroup.procs").write_text(str(os.getpid()))
        yield inner
    finally:
        (outer / "cgroup.procs").write_text(str(os.getpid()))
        inner.rmdir()


def sample(instance: Instance, group: Path, engine: int) -> dict[str, float]:
    """Every quantity now; the instance must be at rest, `group` that of `own_group`, `engine` the engine's process."""
    ours = [instance.supervisor, *instance.keepers]
    found: Counter[str] = Counter()
    found["processes"] = sum(1 for pid in _pids() if _belongs(pid, instance))
    found["descriptors of the engine"] = _descriptors(engine)
    found["descriptors of the supervisor"] = _descriptors(instance.supervisor)
    found["descriptors of the keepers"] = sum(map(_descriptors, instance.keepers))
    found["mounts of the engine"] = _mounts(engine)
    found["mounts of the supervisor"] = _mounts(instance.supervisor)
    found["mounts of the keepers"] = sum(map(_mounts, instance.keepers))
    groups = cgroups(instance.name)
    found["control groups"] = sum(1 for place in groups for _ in place.rglob("cgroup.procs"))
    found["dying control groups"] = sum(map(_dying_groups, groups))
    found["keys"] = sum(_keys_of_users(instance.uids))
    for kind in NAMESPACES:
        found[f"{kind} namespaces"] = len({link for pid in ours if (link := _link(_PROC / f"{pid}/ns/{kind}"))})
    keepers = [resident(pid) for pid in instance.keepers]
    return {
        **found,
        "memory of the supervisor": resident(instance.supervisor),
        "memory of a keeper": sum(keepers) / len(keepers),
        "kernel memory of the slots": sum(map(_kernel_memory, groups)),
        "kernel memory of all that was started": _kernel_memory(group),
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


def _dying_groups(group: Path) -> int:
    """Groups below this one that the kernel still keeps but shows no directory of; only v2 counts them for a group.

    Under v1 each shows in the kernel memory, which it is charged to.
    """
    stat = dict(line.split() for line in _lines(group / "cgroup.stat"))
    return int(stat.get("nr_dying_descendants", 0))


def _keys_of_users(uids: range) -> Iterator[int]:
    """Keys that each of these users holds: the field `instantiated/all` of /proc/key-users is the third."""
    for line in _lines(_PROC / "key-users"):
        uid, _, keys, *_ = line.split()
        if int(uid.rstrip(":")) in uids:
            yield int(keys.split("/")[1])


def _kernel_memory(group: Path) -> float:
    """What the kernel holds for the group, those below it and their dead: namespaces, mounts, page tables, sockets."""
    for line in _lines(group / _KERNEL_MEMORY):
        return float(line)
    return float(dict(line.split() for line in _lines(group / "memory.stat")).get("kernel", 0))


def resident(pid: int) -> float:
    """Bytes of memory of its own, counted page by page: `status` is out by what each core has not reported yet."""
    lines = _lines(_PROC / f"{pid}/smaps_rollup")
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith("Anonymous:"))


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
