"""The self-test: every limit is seen to bite, or the engine says which does not.

It costs a fraction of a second, so a stamp in the state directory spares it until something changes that could matter:
the boot, the kernel, the cgroup set-up, the static program, the user. A start that proved less leaves no stamp.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from engine.pool.job import Job
from engine.pool.native import static_program
from engine.pool.pool import Pool
from engine.proof import confined, probes
from engine.proof.finding import Finding
from engine.proof.probes import Probe, host_listens

# Such facts tell one start from the next, not one machine from another.
_OF_ONE_START: Final = frozenset({"instance", "uids", "start_seconds"})
_PATH: Final = "/program/probe"
# For a run that met a fault; by then its slot is made anew.
_MORE_TRIES: Final = 2
_PAUSE_SECONDS: Final = 0.3
_OF_ONE_PROCESS: Final = frozenset({"cpu", "memory"})
_STAMPS_KEPT: Final = 16


def not_enforced(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The limits that do not bite."""
    return tuple(finding.name for finding in findings if not finding.enforced)


def summary(names: Collection[str]) -> str:
    """The limits that are not enforced in a few words, as the daemon's first lines have them."""
    return f"not enforced: {', '.join(names)}" if names else "every limit proved"


def complaint(findings: Sequence[Finding]) -> str:
    """One line for whoever cannot start: which limits do not bite, what was seen, what to do; empty if all is well."""
    bad = [finding for finding in findings if finding.promised and not finding.enforced]
    if not bad:
        return ""
    wrong = [f"{finding.name} ({finding.seen}: {finding.advice})" for finding in bad]
    return f"not enforced here: {'; '.join(wrong)}; to run programs all the same, allow it with --allow-degraded"


async def proved(pool: Pool, *, slots: int, state_dir: str, anew: bool = False) -> tuple[Finding, ...]:
    """What is known about every limit: proved now, unless a stamp says that it was on this very machine."""
    stamp = await asyncio.to_thread(_stamp, Path(state_dir), pool.facts())
    found = None if anew else await asyncio.to_thread(_read, stamp)
    if found is None:
        found = await prove(pool, slots=slots)
        await asyncio.to_thread(_write, stamp, found)
    return found


async def prove(pool: Pool, *, slots: int, names: Collection[str] = ()) -> tuple[Finding, ...]:
    """Send every probe (or those in `names`) into the pool's slots; nothing else may run in them meanwhile."""
    program = static_program()
    findings: dict[str, Finding] = {}
    facts = pool.facts()
    is_confined = facts.get("runtime") == "landlock"
    all_probes = confined.confined_probes if is_confined else probes.probes
    with host_listens() as host:
        wanted = [probe for probe in all_probes(len(program), host) if not names or probe.name in names]
        turns = iter(wanted)

        async def worker() -> None:
            for probe in turns:
                findings[probe.name] = await _find(pool, program, probe)

        async with asyncio.TaskGroup() as workers:
            for _ in range(min(slots, len(wanted))):
                workers.create_task(worker())
    found = tuple(findings[probe.name] for probe in wanted)
    if is_confined:
        return tuple(map(confined.as_promised, found))
    return found if facts.get("cgroup") != "none" else tuple(map(_without_groups, found))


async def _find(pool: Pool, program: bytes, probe: Probe) -> Finding:
    job = Job(
        argv=(_PATH, "probe", probe.name, *probe.arguments), limits=probe.limits, files=((_PATH, program, 0o755),)
    )
    began = time.monotonic()
    ended = await pool.run(job, _nothing, job.limits.memory_bytes)
    for _ in range(_MORE_TRIES):
        if ended.fault is None:
            break
        # It says nothing about the limit. Whatever else was seen does: a limit that bites the second time is none.
        await asyncio.sleep(_PAUSE_SECONDS)
        ended = await pool.run(job, _nothing, job.limits.memory_bytes)
    stopped = probe.stopped(ended)
    return Finding(
        name=probe.name,
        limit=probe.limit,
        enforced=stopped is not None,
        seen=probes.said(ended) if stopped is None else stopped,
        seconds=time.monotonic() - began,
        advice=probe.advice if stopped is None else "",
    )


def _without_groups(finding: Finding) -> Finding:
    """A probe is one process; what holds for each alone does not hold for a program of many."""
    if not finding.enforced or finding.name not in _OF_ONE_PROCESS:
        return finding
    advice = "give the engine a control group of its own: see `place`"
    return msgspec.structs.replace(finding, enforced=False, seen="only for each process by itself", advice=advice)


def _nothing() -> None:
    """The slot is free: the worker that waits for the run knows."""


def _stamp(directory: Path, facts: Mapping[str, str]) -> Path:
    """The stamp's path; everything that bears on the limits is in its name."""
    lasting = {
        name: value
        for name, value in sorted(facts.items())
        if name not in _OF_ONE_START and not name.endswith(("_pid", "_pids"))
    }
    key = hashlib.sha256(repr((lasting, os.geteuid(), platform.release(), platform.version())).encode())
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/cgroup", probes.__file__):
        key.update(Path(path).read_bytes())
    key.update(static_program())
    return directory / f"proved-{key.hexdigest()[:32]}.json"


def _read(stamp: Path) -> tuple[Finding, ...] | None:
    try:
        found = msgspec.json.decode(stamp.read_bytes(), type=tuple[Finding, ...])
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return None if not found or not_enforced(found) else found


def _write(stamp: Path, findings: tuple[Finding, ...]) -> None:
    if not_enforced(findings):
        stamp.unlink(missing_ok=True)
        return
    new = stamp.with_suffix(f".{os.getpid()}")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(findings)))
    new.replace(stamp)
    others = sorted(stamp.parent.glob("proved-*.json"), key=lambda path: path.stat().st_mtime)
    for old in others[:-_STAMPS_KEPT]:
        old.unlink(missing_ok=True)
