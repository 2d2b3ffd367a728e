"""What an engine instance leaves on the machine, looked up from outside: it is told by nothing that it says itself."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.config.engine import EngineConfig

PROC = Path("/proc")
STATE = Path(EngineConfig().state_dir)
NAMESPACES = ("mnt", "pid", "net", "ipc", "uts", "user", "cgroup")
INIT = 1
SLOT_UIDS = 65_536
# The program's user inside.
PROGRAM = 1000


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A running engine, as its facts tell: where to look once it is gone, and what only its processes hold by now."""

    name: str
    supervisor: int
    keepers: tuple[int, ...]
    uids: range
    held: frozenset[str]

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> Instance:
        first, last = facts["uids"].split("-")
        supervisor = int(facts["supervisor_pid"])
        of_the_machine = _held(INIT) | _held(os.getpid())
        return cls(
            name=facts["instance"],
            supervisor=supervisor,
            keepers=tuple(int(pid) for pid in facts["keeper_pids"].split()),
            uids=range(int(first), int(last) + 1),
            held=frozenset().union(*map(_held, (supervisor, *_descendants(supervisor)))) - of_the_machine,
        )

    @classmethod
    def below(cls, engine: int) -> Instance:
        """That of the engine in another process, as its processes tell; its slots are to be whole."""
        supervisor = supervisor_of(engine)
        keepers = [pid for pid in children(supervisor) if name_of(pid) == "assay-keeper"]
        first, last = min(firsts := [min(_uids(pid)) for pid in keepers]), max(firsts)
        named = re.search(r"/(assay-\d+)(/|$)", _text(keepers[0], "cgroup"), re.MULTILINE)
        assert named, _text(keepers[0], "cgroup")
        facts = {"instance": named[1], "supervisor_pid": str(supervisor), "keeper_pids": " ".join(map(str, keepers))}
        return cls.of({**facts, "uids": f"{first}-{last + SLOT_UIDS - 1}"})


@dataclass(frozen=True)
class Before:
    """What was there before an instance, of this process and of what it has started."""

    pids: frozenset[int]
    mounts: frozenset[str]
    held: frozenset[str]
    files: frozenset[str]

    @classmethod
    def now(cls) -> Before:
        ours = (os.getpid(), *_descendants(os.getpid()))
        return cls(
            frozenset(ours),
            frozenset(_mounts()),
            frozenset().union(*map(_held, ours)),
            frozenset(_state_files()),
        )


def left(instance: Instance, before: Before, spared: frozenset[int] = frozenset()) -> list[str]:
    """Everything of the instance that is still there, and what namespaces and memfds we hold that we did not before.

    Nobody else's processes, mounts and namespaces are looked at: other engines come and go as they like.

    spared  processes that are meant to live on, such as a forked child of the engine
    """
    found = [f"process {pid} {_name(pid)}" for pid in _pids() if _belongs(pid, instance)]
    found += [f"cgroup {path}" for path in cgroups(instance.name)]
    found += [f"mount {line}" for line in set(_mounts()) - before.mounts if _is_of(line, instance)]
    found += [f"file {path}" for path in set(_state_files()) - before.files if _names(path, instance)]
    if found and is_given_out_again(instance):
        found = []
    ours = {os.getpid(), *_descendants(os.getpid())} - spared
    known = before.pids - {os.getpid()}
    for pid in ours:
        if not known.intersection((pid, *_forebears(pid))):
            found += [f"{what} of {pid} {_name(pid)}" for what in _held(pid) - before.held]
    # Numbers of namespaces are given out again: of those that are not ours only who lost its parent may have been.
    orphans = {pid for pid in _pids() if _parent(pid) in _own_forebears()} - ours - spared
    for pid in orphans:
        found += [f"{what} of {pid} {_name(pid)}" for what in _held(pid) & instance.held]
    return found


def wait_until_nothing(look: Callable[[], list[str]], seconds: float) -> None:
    """Wait until `look` finds nothing; fails with what is left after `seconds`."""
    deadline = time.monotonic() + seconds
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not found, f"after {seconds} s: " + "; ".join(found)


def programs_of(instance: Instance) -> list[int]:
    """The processes under the instance's users, its keepers left out."""
    return [pid for pid in _pids() if pid not in instance.keepers and _has_uid_of(pid, instance)]


def running(instance: Instance) -> list[int]:
    """Programs that have taken their user, as a parked child has not."""
    return [
        pid
        for pid in programs_of(instance)
        if {(uid - instance.uids[0]) % SLOT_UIDS for uid in _uids(pid)} == {PROGRAM}
    ]


async def wait_until_running(instance: Instance, seconds: float = 20.0) -> None:
    """Wait until a program runs."""
    await asyncio.to_thread(wait_until_nothing, lambda: [] if running(instance) else ["no program runs"], seconds)


def children(pid: int) -> list[int]:
    return [int(child) for child in _text(pid, f"task/{pid}/children").split()]


def supervisor_of(engine: int) -> int:
    """The supervisor of the engine in that process, whichever of its threads started it."""
    (supervisor,) = (pid for pid in _descendants(engine) if _parent(pid) == engine and name_of(pid) == "assay-superv")
    return supervisor


def innermost_pid(pid: int) -> int:
    """Its number in the innermost pid namespace that it is in; 0 where it has ended."""
    return int((_status(pid, "NSpid") or ["0"])[-1])


def name_of(pid: int) -> str:
    return _text(pid, "comm").strip()


def cgroups(name: str) -> list[Path]:
    """The control groups of that name, in every hierarchy."""
    found = []
    for line in (PROC / "self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup"):
            for place, directories, _ in os.walk(fields.split()[4]):
                found += [Path(place, directory) for directory in directories if directory == name]
    return found


def _pids() -> Iterator[int]:
    """Every process but the dead that only wait for init to notice."""
    for entry in PROC.iterdir():
        if entry.name.isdigit() and not _is_for_init(int(entry.name)):
            yield int(entry.name)


def _is_for_init(pid: int) -> bool:
    return _status(pid, "State")[:1] == ["Z"] and _parent(pid) in _own_forebears()


@functools.cache
def _own_forebears() -> frozenset[int]:
    return frozenset(_forebears(os.getpid()))


def _text(pid: int, name: str) -> str:
    try:
        return (PROC / str(pid) / name).read_text(errors="replace")
    except OSError:
        # It ended meanwhile.
        return ""


def _status(pid: int, key: str) -> list[str]:
    for line in _text(pid, "status").splitlines():
        if line.startswith(key + ":"):
            return line.split()[1:]
    return []


def _name(pid: int) -> str:
    return f"{name_of(pid)} {_text(pid, 'cmdline')[:60]!r}"


def _uids(pid: int) -> set[int]:
    return {int(uid) for uid in _status(pid, "Uid")}


def _parent(pid: int) -> int:
    return int((_status(pid, "PPid") or ["0"])[0])


def _has_uid_of(pid: int, instance: Instance) -> bool:
    return any(uid in instance.uids for uid in _uids(pid))


def _belongs(pid: int, instance: Instance) -> bool:
    return _has_uid_of(pid, instance) or (pid == instance.supervisor and "assay" in _text(pid, "comm"))


def _mounts() -> Iterator[str]:
    """Those that the machine and this process see."""
    for pid in (INIT, os.getpid()):
        yield from _text(pid, "mountinfo").splitlines()


def _is_of(line: str, instance: Instance) -> bool:
    """Whether a mount is the instance's, or of Assay and no other instance's."""
    named = set(re.findall(r"assay-\d+", line))
    return (
        instance.name in named
        or ("assay" in line and not named)
        or any(f"uid={uid}" in line for uid in (instance.uids[0], instance.uids[-1]))
    )


def is_given_out_again(instance: Instance) -> bool:
    """Whether another engine has got this instance's number by now, and with it the name, the users and the groups."""
    lock = STATE / "instances" / f"{instance.name.rpartition('-')[2]}.lock"
    try:
        inode = str(lock.stat().st_ino)
    except FileNotFoundError:
        return False
    # Each is `1: FLOCK ADVISORY WRITE pid device:inode start end`.
    locks = (line.replace("-> ", "").split() for line in (PROC / "locks").read_text().splitlines())
    holders = {int(pid) for _, _, _, _, pid, place, *_ in locks if place.rpartition(":")[2] == inode}
    return bool(holders - {instance.supervisor})


def _names(path: str, instance: Instance) -> bool:
    number = instance.name.rpartition("-")[2]
    return instance.name in path or Path(path).stem == number


def _forebears(pid: int) -> Iterator[int]:
    while (pid := _parent(pid)) > 0:
        yield pid


def _descendants(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            for child in map(int, _text(pid, f"task/{task.name}/children").split()):
                yield child
                yield from _descendants(child)


def _held(pid: int) -> frozenset[str]:
    """The namespaces and memfds that a process holds."""
    held = set()
    for kind in NAMESPACES:
        with contextlib.suppress(OSError):
            held.add(str((PROC / str(pid) / "ns" / kind).readlink()))
    with contextlib.suppress(OSError):
        for link in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(link.readlink())
                if target.startswith("/memfd:"):
                    held.add(f"{target} {link.stat().st_ino}")
    return frozenset(held)


def _state_files() -> Iterator[str]:
    return (str(path) for path in STATE.rglob("*"))
