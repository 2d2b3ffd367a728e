"""The probes of slots without namespaces, and what such slots do not promise."""

from __future__ import annotations

import dataclasses
from typing import Final

from msgspec.structs import replace

from engine.pool.job import Completion
from engine.proof.finding import Finding
from engine.proof.probes import BASE, Host, Probe, killed, probes, seen_inside

# Looked at from time to time, not counted by the kernel: a run goes past these for some milliseconds, then it is ended.
_LOOKED_AT: Final = frozenset({"cpu", "memory", "disk"})
_NOTHING_DOES: Final = frozenset({"cpus"})
# The probe lasts longer than some looks, and stays within what one process may reserve.
_MEMORY_TIMES: Final = 6
_MORE: Final = "docs/where-it-runs.md says more about it: Landlock"


def confined_probes(program_bytes: int, host: Host) -> tuple[Probe, ...]:
    """Every probe as it is asked here, the longest first, with one about all that is outside."""
    native = {probe.name: probe for probe in probes(program_bytes, host)}
    memory, disk, rights = native["memory"], native["disk"], native["rights"]
    native |= {
        "memory": dataclasses.replace(
            memory, arguments=(str(_MEMORY_TIMES * memory.limits.memory_bytes),), advice=_MORE
        ),
        "disk": dataclasses.replace(disk, arguments=(*disk.arguments[:2], "/work", "/tmp"), stopped=_ended),
        # Who has not the right to empty the bounding set has no use for it either.
        "rights": dataclasses.replace(rights, arguments=("any bounding set",)),
        "outside": Probe(
            name="outside",
            limit="none",
            # Without its first character no path of a slot is put in its place.
            arguments=(str(host.place)[1:], str(host.pid)),
            limits=BASE,
            stopped=seen_inside,
            advice=_MORE,
        ),
    }
    return tuple(native.values())


def as_promised(finding: Finding) -> Finding:
    """What is only looked at, or not done at all, is not enforced to the letter, even where it was seen to work."""
    if finding.name in _NOTHING_DOES:
        return replace(finding, enforced=False, promised=False, advice=_MORE)
    if finding.name in _LOOKED_AT and finding.enforced:
        advice = f"looked at every few milliseconds; {_MORE}"
        return replace(finding, enforced=False, promised=False, advice=advice)
    return finding


def _ended(completion: Completion) -> str | None:
    if not killed(completion) or completion.stopped_by is not None:
        return None
    return "ended, with more on its disk than it may have"
