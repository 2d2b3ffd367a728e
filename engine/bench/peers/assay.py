"""Assay's own rows: an engine in this process, asked for each run.

Before and after each stretch of load a probe looks at what holds it: runs count only where user id, seccomp, limits and
counters were in force and both outputs were read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.bench.load import Segment, closed_loop
from engine.bench.peer import Load
from engine.bench.programs import NAMES, SOURCE, Name, Programs
from engine.config.engine import EngineConfig
from engine.engine import Engine
from engine.errors import AssayError, SandboxError
from engine.program import Limits, Outcome, Program

LIMITS: Final = Limits(cpu_seconds=5, memory_bytes=64 << 20, processes=16, open_files=64 + 37)
_PROBE: Final = (
    "/usr/bin/bash",
    "-c",
    # All of it by the first process: with landlock nobody else may read these.
    (
        "for name in status limits; do mapfile -t lines </proc/self/$name; printf '%s\\n' \"${lines[@]}\"; done; "
        f'echo both >&2; printf %{16 << 20}s >"${{TMPDIR:-/tmp}}/m"'
    ),
)
_NOTHING: Final = Program(source=SOURCE, language="c")
# What it writes, less the 2 MiB that a peak can miss of what went since the run began.
_PROBE_BYTES: Final = 14 << 20


class NotHeld(SandboxError):
    """A run was not held by what should hold it: the figures would mean nothing."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AssayPeer:
    """An engine with as many slots as runs in flight.

    changes  what differs from the default configuration
    command  what the runtime needs on this machine
    source   it is given the program's source, as a daemon is: the first run compiles it, the others find the result
    """

    name: str
    how: str
    changes: dict[str, Any] = dataclasses.field(default_factory=dict)
    command: str | None = None
    source: bool = False
    programs: tuple[Name, ...] = NAMES

    def missing(self) -> str | None:
        if self.command is None or shutil.which(self.command):
            return None
        return f"{self.command} is not installed: apt-get install {self.command}"

    @contextlib.asynccontextmanager
    async def open(self, programs: Programs, in_flight: int) -> AsyncIterator[Load]:
        async with Engine(config=self.config(programs, in_flight)) as engine:

            async def load(program: Name, seconds: float) -> Segment:
                if self.source:
                    return await _held(engine, lambda: engine.run(_NOTHING, limits=LIMITS), in_flight, seconds)
                return await sandboxed(engine, programs.path(program), in_flight, seconds)

            yield load

    def config(self, programs: Programs, slots: int) -> EngineConfig:
        """The engine's configuration, with the programs to be seen in its slots."""
        trees = (*EngineConfig().trees, str(programs.directory))
        return dataclasses.replace(EngineConfig(), slots=slots, trees=trees, **self.changes)


async def sandboxed(engine: Engine, path: str, in_flight: int, seconds: float) -> Segment:
    """Load on an engine; raises NotHeld if a probe does not see what should hold it."""
    return await _held(engine, lambda: engine.run_argv([path], limits=LIMITS), in_flight, seconds)


async def _held(engine: Engine, ask: Callable[[], Awaitable[Outcome]], in_flight: int, seconds: float) -> Segment:
    async def run() -> None:
        check_run(await ask())

    check_probe(await engine.run_argv(_PROBE, limits=LIMITS), engine.not_enforced)
    before = _cpu_seconds(engine)
    segment = await closed_loop(run, in_flight, seconds, (AssayError,))
    used = {part: now - before[part] for part, now in _cpu_seconds(engine).items()}
    check_probe(await engine.run_argv(_PROBE, limits=LIMITS), engine.not_enforced)
    return msgspec.structs.replace(segment, cpu_seconds=used)


def check_run(outcome: Outcome) -> None:
    """Raises SandboxError unless the program that does nothing did nothing."""
    if not outcome.clean or outcome.stdout or outcome.stderr:
        raise SandboxError(f"a program that does nothing did something: {outcome}")
    if outcome.cpu_seconds <= 0 or outcome.wall_seconds <= 0:
        raise SandboxError(f"a run was not counted: {outcome}")


def check_probe(outcome: Outcome, not_enforced: Collection[str] = ()) -> None:
    """Raises NotHeld unless the probe saw all that should hold a run, and both its outputs came back."""
    seen = outcome.stdout.decode()
    expected = {
        "a user that is not root": r"^Uid:\t([1-9]\d*)\t\1\t\1\t\1$",
        "seccomp": r"^Seccomp:\t2$",
        "no_new_privs": r"^NoNewPrivs:\t1$",
        "no capabilities": r"^CapEff:\t0+$",
        "the limit on open files": rf"^Max open files +{LIMITS.open_files} +{LIMITS.open_files} ",
    }
    for what, pattern in expected.items():
        if not re.search(pattern, seen, re.MULTILINE):
            raise NotHeld(f"a run without {what}: {seen[:2000]!r}")
    peak_bytes = 0 if "memory" in not_enforced else _PROBE_BYTES
    if outcome.stderr != b"both\n" or outcome.peak_memory_bytes < peak_bytes or outcome.cpu_seconds <= 0:
        raise NotHeld(f"a run whose outputs or counters were not read: {outcome}")


def _cpu_seconds(engine: Engine) -> dict[str, float]:
    """CPU used so far by each of our processes; of the keepers without what the programs used."""
    facts = engine.facts()
    return {
        "engine": time.process_time(),
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


NATIVE: Final = AssayPeer(
    name="native",
    how="await engine.run_argv; renewed is what cannot prove that the run left it alone",
    changes={"fresh": "proved"},
)
NATIVE_ALWAYS: Final = AssayPeer(
    name="native-always",
    how="await engine.run_argv; everything renewed after every run",
    changes={"fresh": "always"},
)
ENGINE_RUN: Final = AssayPeer(
    name="engine-run",
    how="await engine.run of the source that serve is sent, compiled once: what serve does without HTTP",
    changes={"fresh": "proved"},
    source=True,
    programs=("dynamic",),
)
LANDLOCK: Final = AssayPeer(
    name="landlock",
    how="await engine.run_argv with runtime landlock: no namespace, no control group; memory is only looked at",
    changes={"runtime": "landlock"},
)
CRUN: Final = AssayPeer(
    name="crun",
    how="await engine.run_argv with runtime crun: containers made ahead, each used once",
    changes={"runtime": "crun"},
    command="crun",
)
