"""Program and Limits: what is asked for. Outcome and Verdict: what came of it."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from engine.errors import BadInput

MIB = 1 << 20
# Where a program may write, as the static program makes it (native/sandbox/src/rootfs).
WRITABLE = ("/work", "/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt")


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one run may use; every limit is enforced by the kernel.

    cpu_seconds     CPU time of all its processes together
    wall_seconds    clock time behind the CPU limit; None means 2 x cpu_seconds + 5
    memory_bytes    memory of all its processes, files in /work and /tmp included
    output_bytes    bytes kept of each of stdout and stderr
    disk_bytes      bytes in writable directories; inodes: disk_bytes / 4096
    processes       processes and threads alive at once
    open_files      open files of one process
    cpus            cores it may use at once

    Raises BadInput for a value that is not positive and finite, and for less memory than a process takes (1 MiB).
    """

    cpu_seconds: float = 10.0
    wall_seconds: float | None = None
    memory_bytes: int = 512 * MIB
    output_bytes: int = MIB
    disk_bytes: int = 64 * MIB
    processes: int = 64
    open_files: int = 256
    cpus: float = 1.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is None and name == "wall_seconds":
                continue
            if not (value > 0 and math.isfinite(value)):
                raise BadInput(f"limits.{name}", value, "expected a number above 0")
        if self.memory_bytes < MIB:
            raise BadInput("limits.memory_bytes", self.memory_bytes, f"expected bytes, {MIB} (1 MiB) or more")

    @property
    def wall(self) -> float:
        """The wall limit in force, in seconds."""
        return self.wall_seconds if self.wall_seconds is not None else 2 * self.cpu_seconds + 5


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Source, language and files, as submitted.

    language  name, alias, or a standard of one, like c++20
    files     paths (relative to /work, or absolute below a directory of `WRITABLE`; without `..`) and their contents;
              they belong to the program's user
    image     name of the root file system that it sees, None for the engine's own
    prelude   what is given to it before it begins: "competitive", "leetcode"; None: nothing
    warm      a Python program may begin as a fork of an interpreter that is ready, which it cannot tell
    """

    source: str
    language: str = "python"
    files: dict[str, bytes] = {}
    image: str | None = None
    prelude: str | None = None
    warm: bool = True


def check_argv(argv: Sequence[str]) -> None:
    """Raises BadInput unless it is an absolute path and its arguments, as a process can be given them."""
    if isinstance(argv, str) or not argv or not all(isinstance(word, str) for word in argv):
        raise BadInput("argv", argv, "expected a list of text: an absolute path inside, then arguments")
    if not argv[0].startswith("/"):
        raise BadInput("argv", list(argv), "expected an absolute path inside, then arguments")
    for index, word in enumerate(argv):
        if "\0" in word or any("\ud800" <= character <= "\udfff" for character in word):
            raise BadInput(f"argv[{index}]", word, "expected Unicode text without NUL")


class Verdict(enum.StrEnum):
    """What is said about a program, and only about the program."""

    ACCEPTED = "ACCEPTED"
    WRONG_ANSWER = "WRONG_ANSWER"
    COMPILE_ERROR = "COMPILE_ERROR"
    RUNTIME_ERROR = "RUNTIME_ERROR"
    TIME_LIMIT = "TIME_LIMIT"
    MEMORY_LIMIT = "MEMORY_LIMIT"
    OUTPUT_LIMIT = "OUTPUT_LIMIT"


StoppedBy = Literal["cpu", "wall", "output"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Facts from the kernel about one run.

    exit_code            of the first process; None if a signal ended it or it never ran
    signal               the signal that ended it, else None
    stopped_by           the limit at which the supervisor ended the run, else None
    cpu_seconds          CPU time of all processes (cgroup)
    wall_seconds         clock time from handing the job over to the end of the first process
    started              "warm": as a fork of a Python that was ready; "cold": by itself
    queue_seconds        clock time from the request until it began
    peak_memory_bytes    the cgroup's peak less what the slot held before
    oom_kills            processes that the kernel killed at the memory limit
    refused_processes    times that the kernel refused a process at the process limit
    stdout, stderr       exact bytes, up to limits.output_bytes each
    stdout_truncated     more than that was written (for stderr: stderr_truncated)
    files                collected files by the name asked for; a missing one is left out
    channel              what was written to the driver's channel (function-call runs), else b""
    compile              the compile step's outcome, for a language that compiles; if it failed, the program never ran
    not_enforced         limits that do not bite on this machine, whose engine was started with allow_degraded
    """

    exit_code: int | None = None
    signal: int | None = None
    stopped_by: StoppedBy | None = None
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    queue_seconds: float = 0.0
    started: Literal["warm", "cold"] = "cold"
    peak_memory_bytes: int = 0
    oom_kills: int = 0
    refused_processes: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    files: dict[str, bytes] = {}
    channel: bytes = b""
    compile: Outcome | None = None
    not_enforced: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of output and files that it holds."""
        return len(self.stdout) + len(self.stderr) + sum(map(len, self.files.values()))

    @property
    def clean(self) -> bool:
        """The first process ended by itself with exit code 0, and no limit was hit."""
        return self.exit_code == 0 and self.stopped_by is None and not self.stdout_truncated

    @property
    def verdict(self) -> Verdict:
        """The verdict of the run alone, before any answer is compared; ACCEPTED means that it ended cleanly."""
        if self.compile is not None and not self.compile.clean:
            return Verdict.COMPILE_ERROR
        if self.stopped_by == "output" or self.stdout_truncated:
            return Verdict.OUTPUT_LIMIT
        if self.oom_kills and self.exit_code != 0:
            return Verdict.MEMORY_LIMIT
        if self.stopped_by is not None:
            return Verdict.TIME_LIMIT
        return Verdict.ACCEPTED if self.exit_code == 0 else Verdict.RUNTIME_ERROR
