"""Load of the benches: programs that do nothing, as fast as they go, in the sandbox and bare.

Every so often a probe runs among them and looks at what holds it: a run counts only where user id, seccomp, limits and
counters were in force and both outputs were read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from engine.engine import Engine
from engine.errors import CannotStart, SandboxError
from engine.program import Limits, Outcome

_PROBE_EVERY_SECONDS: Final = 0.5
_WARM_SECONDS: Final = 0.3
# More in flight than slots: a slot that is free must find its next run waiting.
_AHEAD: Final = 2
LIMITS: Final = Limits(cpu_seconds=5, memory_bytes=64 << 20, processes=16, open_files=64 + 37)
_PROBE: Final = (
    "/usr/bin/bash",
    "-c",
    "cat /proc/self/status /proc/self/limits; echo both >&2; head -c 4000000 /dev/zero >/tmp/m",
)
_PROBE_BYTES: Final = 3_000_000
_DYNAMIC: Final = "int main(void) { return 0; }\n"
# Without a C library, so that it is the least that a program can be.
_STATIC: Final = """
__attribute__((noreturn)) void _start(void) {
#if defined(__x86_64__)
    __asm__ volatile("mov $231, %eax; xor %edi, %edi; syscall");
#elif defined(__aarch64__)
    __asm__ volatile("mov x8, #94; mov x0, #0; svc #0");
#endif
    __builtin_unreachable();
}
"""


class Trues(msgspec.Struct, frozen=True):
    """Where the two programs are that do nothing."""

    directory: str
    static: str
    dynamic: str


@contextlib.contextmanager
def trues() -> Iterator[Trues]:
    """Compile both; raises CannotStart without a compiler. Programs see them if `directory` is one of the trees."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        place = Path(name)
        place.chmod(0o755)
        _compile(place, "static", _STATIC, "-static", "-nostdlib", "-ffreestanding")
        _compile(place, "dynamic", _DYNAMIC)
        yield Trues(name, str(place / "static"), str(place / "dynamic"))


def _compile(place: Path, name: str, source: str, *flags: str) -> None:
    command = ["gcc", "-O2", *flags, "-x", "c", "-", "-o", str(place / name)]
    try:
        subprocess.run(command, input=source, text=True, check=True, capture_output=True)
    except FileNotFoundError:
        raise CannotStart("gcc is missing on this machine: apt-get install gcc libc6-dev") from None
    except subprocess.CalledProcessError as error:
        raise CannotStart(f"gcc cannot make {name}: {error.stderr.strip()[:200]}") from None


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of steady load; seconds are of the clock.

    wall_seconds   median of what one run took from hand-over to end
    cpu_seconds    what each part of us used per run: the engine's process, the supervisor, the keepers
    """

    runs: int
    probes: int
    seconds: float
    wall_seconds: float
    cpu_seconds: dict[str, float]

    @property
    def per_second(self) -> float:
        """Runs per second."""
        return self.runs / self.seconds


async def sandboxed(engine: Engine, argv: Sequence[str], *, seconds: float) -> Segment:
    """Run `argv` in every slot for so long; raises SandboxError if anything that should hold a run does not."""
    slots = engine.stats().slots
    await _load(engine, argv, slots, _WARM_SECONDS)
    before = _cpu_seconds(engine)
    began = time.perf_counter()
    walls, probes = await _load(engine, argv, slots, seconds)
    took = time.perf_counter() - began
    used = {part: (now - before[part]) / len(walls) for part, now in _cpu_seconds(engine).items()}
    return Segment(
        runs=len(walls), probes=probes, seconds=took, wall_seconds=statistics.median(walls), cpu_seconds=used
    )


async def burst(engine: Engine, argv: Sequence[str], *, runs: int) -> None:
    """So many runs, as fast as they go."""
    left = iter(range(runs))

    async def one_after_another() -> None:
        for _ in left:
            _check_run(await engine.run_argv(argv, limits=LIMITS))

    async with asyncio.TaskGroup() as workers:
        for _ in range(_AHEAD * engine.stats().slots):
            workers.create_task(one_after_another())


async def _load(engine: Engine, argv: Sequence[str], slots: int, seconds: float) -> tuple[list[float], int]:
    clock = time.perf_counter
    end = clock() + seconds
    next_probe = clock()
    walls: list[float] = []
    probes = 0

    async def one_after_another() -> None:
        nonlocal next_probe, probes
        while (now := clock()) < end:
            if now >= next_probe:
                next_probe = now + _PROBE_EVERY_SECONDS
                check_probe(await engine.run_argv(_PROBE, limits=LIMITS))
                probes += 1
                continue
            outcome = await engine.run_argv(argv, limits=LIMITS)
            _check_run(outcome)
            walls.append(outcome.wall_seconds)

    async with asyncio.TaskGroup() as workers:
        for _ in range(_AHEAD * slots):
            workers.create_task(one_after_another())
    return walls, probes


def _check_run(outcome: Outcome) -> None:
    if not outcome.clean or outcome.stdout or outcome.stderr:
        raise SandboxError(f"a program that does nothing did something: {outcome}")
    if outcome.cpu_seconds <= 0 or outcome.wall_seconds <= 0:
        raise SandboxError(f"a run was not counted: {outcome}")


def check_probe(outcome: Outcome) -> None:
    """Raises SandboxError unless the probe saw all that should hold a run, and both its outputs came back."""
    seen = outcome.stdout.decode()
    expected = {
        "no user but its own": r"^Uid:\t1000\t1000\t1000\t1000$",
        "seccomp": r"^Seccomp:\t2$",
        "no_new_privs": r"^NoNewPrivs:\t1$",
        "no capabilities": r"^CapEff:\t0+$",
        "the limit on open files": rf"^Max open files +{LIMITS.open_files} +{LIMITS.open_files} ",
    }
    for what, pattern in expected.items():
        if not re.search(pattern, seen, re.MULTILINE):
            raise SandboxError(f"a run without {what}: {seen[:2000]!r}")
    if outcome.stderr != b"both\n" or outcome.peak_memory_bytes < _PROBE_BYTES or outcome.cpu_seconds <= 0:
        raise SandboxError(f"a run whose outputs or counters were not read: {outcome}")


def _cpu_seconds(engine: Engine) -> dict[str, float]:
    """CPU used so far by each of our processes; of the keepers without what the programs used."""
    facts = engine.facts()
    used = time.process_time()
    return {
        "engine": used,
        "supervisor": sum(_cpu_of(pid, children=True) for pid in facts["supervisor_pid"].split()),
        "keepers": sum(_cpu_of(pid, children=False) for pid in facts["keeper_pids"].split()),
    }


def _cpu_of(pid: str, *, children: bool) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    # utime and stime are fields 14 and 15, the same of ended children 16 and 17; three stand before the cut.
    ticks = sum(map(int, fields[11:15] if children else fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
