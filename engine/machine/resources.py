"""What this machine has."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Final, NamedTuple

_MEMORY_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_CPU_LIMIT: Final = Path("/sys/fs/cgroup/cpu.max")
_CPU_LIMIT_V1: Final = (Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us"))
# Live programs are mostly asleep or long: so many that no wave of either has all the slots.
_SLOTS_OF_A_CORE: Final = 12
_FEWEST_SLOTS: Final = 128
_MOST_SLOTS: Final = 1024
# With a Python that is ready in it; one without takes 0.9 MB.
_SLOT_BYTES: Final = 20 << 20
_MEMORY_SHARE: Final = 1 / 8


class LivePrograms(NamedTuple):
    """How many slots this machine should have, and why not more."""

    slots: int
    reason: str


def live_programs(runtime: str = "native") -> LivePrograms:
    """How many programs may be live at once where nobody says it."""
    number = cores()
    if runtime == "crun":
        # Each is a container of its own, and there are as many again.
        return LivePrograms(4 * number, f"4 for each of {number} cores")
    wanted = min(max(_FEWEST_SLOTS, _SLOTS_OF_A_CORE * number), _MOST_SLOTS)
    room = int(memory_bytes() * _MEMORY_SHARE) // _SLOT_BYTES
    if room < wanted:
        return LivePrograms(max(room, number), f"{_SLOT_BYTES >> 20} MiB for each, of an eighth of the memory")
    if wanted == _FEWEST_SLOTS:
        return LivePrograms(wanted, f"at least so many, and {_SLOTS_OF_A_CORE} for each core")
    return LivePrograms(wanted, f"{_SLOTS_OF_A_CORE} for each of {number} cores, at most {_MOST_SLOTS}")


def cores() -> int:
    """Cores that this process may use, by affinity and by the quota of the container that it is in."""
    found = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(found, math.ceil(quota)) if (quota := _cpu_quota()) is not None else found


def _cpu_quota() -> float | None:
    try:
        quota, period = _CPU_LIMIT.read_text().split()
    except (OSError, ValueError):
        try:
            quota, period = (path.read_text().strip() for path in _CPU_LIMIT_V1)
        except OSError:
            return None
    # "max", or -1: none.
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def memory_bytes() -> int:
    """Memory of the machine, or of the container that this process is in."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _MEMORY_LIMITS:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            found = min(found, int(text))
    return found


def pid_max() -> int:
    """Processes and threads that may exist at once."""
    return int(Path("/proc/sys/kernel/pid_max").read_text())
