"""One hostile program for each limit, and how to tell that it was stopped.

The programs are the static program's own (native/sandbox/src/probe), so they run in any root file system.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from engine.pool.job import Completion
from engine.program import MIB, WRITABLE, Limits

_KIB: Final = 1 << 10
# Wide where a probe is not about it: a machine that is slow, or emulated, enforces its limits all the same.
BASE: Final = Limits(cpu_seconds=20, wall_seconds=60, memory_bytes=32 * MIB, disk_bytes=4 * MIB, processes=16)
_OURS: Final = "this is Assay's own doing on every machine: please report it"
_SHOWN_CHARS: Final = 120


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probe:
    """A program that goes past one limit.

    name       the limit, as `not_enforced` lists it
    limit      the limit, for people
    arguments  what the program is told
    limits     what it may use
    stopped    what was seen if the limit bit, else None
    advice     what to do where it did not
    """

    name: str
    limit: str
    arguments: tuple[str, ...]
    limits: Limits
    stopped: Callable[[Completion], str | None]
    advice: str


def probes(program_bytes: int, host: Host) -> tuple[Probe, ...]:
    """Every probe, the longest first; `program_bytes` is the size of the static program, which lies on the disk too."""
    memory, cpu, cpus, wall, output, disk = 16 * MIB, 0.02, 0.1, 0.02, 4 * _KIB, MIB
    # A quarter more than the limits say is still a limit: the sizes are rounded to pages, and directories count.
    disk_allowed = (5 * disk // 4, 5 * (disk + program_bytes) // (4 * 4 * _KIB) + 64)
    return (
        Probe(
            name="cpus",
            limit=f"{cpus:g} cores",
            arguments=("100", f"{cpus * 100:.0f}"),
            limits=replace(BASE, cpus=cpus),
            stopped=seen_inside,
            advice="the kernel needs CONFIG_CFS_BANDWIDTH, and the engine the cpu controller of its cgroup",
        ),
        Probe(
            name="wall",
            limit=f"{wall * 1000:.0f} ms",
            arguments=("500",),
            limits=replace(BASE, wall_seconds=wall),
            stopped=_stopped_by("wall", lambda ended: ended.wall_seconds),
            advice=_OURS,
        ),
        Probe(
            name="memory",
            limit=_size(memory),
            arguments=(str(4 * memory),),
            limits=replace(BASE, memory_bytes=memory),
            stopped=_out_of_memory,
            advice="the engine needs the memory controller of its cgroup: boot without cgroup_disable=memory",
        ),
        Probe(
            name="cpu",
            limit=f"{cpu * 1000:.0f} ms",
            arguments=("200",),
            limits=replace(BASE, cpu_seconds=cpu),
            stopped=_stopped_by("cpu", lambda ended: ended.cpu_seconds),
            advice="the engine needs the cpu (v1: cpuacct) controller of its cgroup, which counts CPU time",
        ),
        Probe(
            name="output",
            limit=_size(output),
            arguments=(str(256 * MIB),),
            limits=replace(BASE, output_bytes=output),
            stopped=_cut_off(output),
            advice=_OURS,
        ),
        Probe(
            name="disk",
            limit=_size(disk),
            arguments=(*map(str, disk_allowed), *WRITABLE),
            limits=replace(BASE, disk_bytes=disk),
            stopped=seen_inside,
            advice="every writable directory must be a tmpfs with a size: see the mounts of the root file system",
        ),
        Probe(
            name="processes",
            limit="8",
            arguments=("8",),
            limits=replace(BASE, processes=8),
            stopped=seen_inside,
            advice="the engine needs the pids controller of its cgroup",
        ),
        Probe(
            name="network",
            limit="none",
            arguments=(str(host.port), host.name),
            limits=BASE,
            stopped=lambda ended: None if host.was_reached() else seen_inside(ended),
            advice="the kernel needs CONFIG_NET_NS, and nobody may add interfaces or routes to the slots' namespaces",
        ),
        Probe(
            name="rights",
            limit="none",
            arguments=(),
            limits=BASE,
            stopped=seen_inside,
            advice="the kernel needs CONFIG_SECCOMP_FILTER",
        ),
        Probe(
            name="open_files",
            limit="16",
            arguments=("16",),
            limits=replace(BASE, open_files=16),
            stopped=seen_inside,
            advice=_OURS,
        ),
    )


class Host:
    """What is on this machine and no slot may reach.

    port, name  a TCP port of 127.0.0.1 and an abstract name that listen
    place       a directory with a file and a socket that listens: "secret" and "socket"
    pid         of this process
    """

    def __init__(self, tcp: socket.socket, others: Sequence[socket.socket], name: str, place: Path) -> None:
        self._listeners = (tcp, *others)
        self.port: int = tcp.getsockname()[1]
        self.name = name
        self.place = place
        self.pid = os.getpid()

    def was_reached(self) -> bool:
        """Whether somebody has connected."""
        for listener in self._listeners:
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                return True
        return False


@contextlib.contextmanager
def host_listens() -> Iterator[Host]:
    """Listen as long as the context lasts."""
    name = f"assay-probe-{os.getpid()}-{os.urandom(8).hex()}"
    with (
        tempfile.TemporaryDirectory(prefix="assay-probe-") as directory,
        socket.socket() as tcp,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as named,
    ):
        place = Path(directory)
        (place / "secret").write_text("not for programs")
        tcp.bind(("127.0.0.1", 0))
        abstract.bind(f"\0{name}")
        named.bind(str(place / "socket"))
        for listener in (tcp, abstract, named):
            listener.setblocking(False)
            listener.listen()
        yield Host(tcp, (abstract, named), name, place)


def said(ended: Completion) -> str:
    """What a probe that was not stopped said, or how it ended."""
    if ended.fault is not None:
        return f"a fault of the sandbox: {ended.fault}"
    lines = (ended.stderr or ended.stdout)[-4 * _SHOWN_CHARS :].decode(errors="replace").splitlines()
    text = lines[-1].strip() if lines else ""
    how = f"exit {ended.exit_code}" if ended.exit_code is not None else f"signal {ended.signal}"
    return text[:_SHOWN_CHARS] or (f"stopped at the {ended.stopped_by} limit" if ended.stopped_by else how)


def _size(size_bytes: int) -> str:
    return f"{size_bytes // MIB} MiB" if size_bytes >= MIB else f"{size_bytes // _KIB} KiB"


def killed(ended: Completion) -> bool:
    """Ended from outside."""
    return ended.fault is None and ended.signal == signal.SIGKILL


def seen_inside(ended: Completion) -> str | None:
    """What a probe said that saw the limit bite."""
    return ended.stdout.decode(errors="replace").strip() if ended.fault is None and ended.exit_code == 0 else None


def _out_of_memory(ended: Completion) -> str | None:
    if not (killed(ended) and ended.oom_kills):
        return None
    return f"killed by the kernel at {ended.peak_memory_bytes / MIB:.1f} MiB"


def _stopped_by(reason: str, seconds: Callable[[Completion], float]) -> Callable[[Completion], str | None]:
    def stopped(ended: Completion) -> str | None:
        return f"killed after {seconds(ended) * 1000:.0f} ms" if killed(ended) and ended.stopped_by == reason else None

    return stopped


def _cut_off(output_bytes: int) -> Callable[[Completion], str | None]:
    def stopped(ended: Completion) -> str | None:
        cut = ended.stdout_truncated and len(ended.stdout) == output_bytes
        return f"killed, {output_bytes} bytes kept" if killed(ended) and ended.stopped_by == "output" and cut else None

    return stopped
