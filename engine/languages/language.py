"""What a language is: how a source becomes a process, what that needs on the machine, and what it costs to start."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from engine.program import MIB, Limits

ENVIRONMENT: Final = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/work",
    "LANG=C.UTF-8",
    "TZ=UTC",
    "PYTHONHASHSEED=0",
    # It makes its threads when numpy is imported: time lost on the one core of a run, and a zygote must have none.
    "OPENBLAS_NUM_THREADS=1",
)
# Where scripts/languages puts what no package of the distribution has; programs see it as a part of /usr.
PLACE: Final = "/usr/local/lib/assay/languages"
PROGRAM: Final = "/program/"
# In a word of `run` or `compile`: the memory limit, for tools that must be told how much they may take.
MEMORY_MIB: Final = "{memory_mib}"


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What an interpreter takes before the program's first line, as measured: it is added to the limits of a run."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    processes: int = 0

    def added_to(self, limits: Limits) -> Limits:
        """The limits under which the program itself has what `limits` say."""
        if self == _NOTHING:
            return limits
        return msgspec.structs.replace(
            limits,
            cpu_seconds=limits.cpu_seconds + self.cpu_seconds,
            wall_seconds=limits.wall + self.cpu_seconds,
            memory_bytes=limits.memory_bytes + self.memory_bytes,
            processes=limits.processes + self.processes,
        )


_NOTHING: Final = Start()


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """How programs of one language are run.

    name, aliases   what a request may say; answers always say `name`
    extensions      of file names, the first one is preferred
    source_name     the source's name in /work
    run             argv of the program; /program/main is what `compile` made
    compile         argv that makes `main` in /work out of the source, None if it is run as it is
    standards       of the language that a request may name instead of it, as -std= takes them
    opening         what a source has to begin with, put before one that does not
    before_opening  what may stand before it (a pattern)
    environment     variables of its runs and its compiler beside those of every program
    version         argv that prints a version
    read_ahead      argv that reads the start-up set of files once, outside the sandbox; None where that takes long
    needs           what has to be there beside its tools; a language with needs runs from this machine's trees only
    package         Debian's package that brings all of it, None where it takes scripts/languages
    start           what its interpreter takes before the program's first line
    verdict_by_exit a runner of tests: right is exit code 0, whatever it prints
    uncaught        what a line of stderr begins with (a pattern) where an error that nobody caught ends a program with
                    an exit code that programs choose too, such as 1; "" where it is told by a signal or another code
    """

    name: str
    aliases: tuple[str, ...] = ()
    extensions: tuple[str, ...]
    source_name: str
    run: tuple[str, ...]
    compile: tuple[str, ...] | None = None
    standards: tuple[str, ...] = ()
    opening: str = ""
    before_opening: str = ""
    environment: tuple[str, ...] = ()
    version: tuple[str, ...]
    read_ahead: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    package: str | None = None
    start: Start = _NOTHING
    verdict_by_exit: bool = False
    uncaught: str = ""

    @property
    def tools(self) -> tuple[str, ...]:
        """The programs that have to be there, the compiler or the interpreter first, by their paths."""
        argvs = (self.compile or (), self.run, self.version)
        return tuple(dict.fromkeys(argv[0] for argv in argvs if argv and not argv[0].startswith(PROGRAM)))

    @property
    def missing(self) -> str | None:
        """The first path of those that it needs which is not on this machine, or None."""
        if self.name in _seen:
            return None
        missing = next((path for path in (*self.tools, *self.needs) if not os.access(path, os.R_OK)), None)
        if missing is None:
            _seen.add(self.name)
        return missing

    def crashed(self, stderr: bytes) -> bool:
        """Whether a program that ended by itself says so of an error that nobody caught."""
        return bool(self.uncaught) and re.search(rb"^(?:%b)" % self.uncaught.encode(), stderr, re.MULTILINE) is not None

    def opened(self, source: str) -> str:
        """The program as it is compiled or run, with its opening."""
        if not self.opening:
            return source
        bare = source.lstrip()
        before = re.match(self.before_opening, bare)
        at = before.end() if before else 0
        return bare if bare.startswith(self.opening.strip(), at) else bare[:at] + self.opening + bare[at:]

    def problem(self) -> str | None:
        """What to do about it where it does not run on this machine, else None."""
        missing = self.missing
        if missing is None:
            return None
        how = f"scripts/languages {self.name}" if self.package is None else f"apt-get install {self.package}"
        return f"{missing} is missing on this machine: {how}"


# Languages found: asking the file system for every run would cost more than the rest of the check.
_seen: set[str] = set()


def with_memory(argv: Sequence[str], limits: Limits) -> tuple[str, ...]:
    """The words of a command, with the memory limit where they ask for it."""
    mib = str(limits.memory_bytes // MIB)
    return tuple(word.replace(MEMORY_MIB, mib) if MEMORY_MIB in word else word for word in argv)


def shell(script: str) -> tuple[str, ...]:
    """A command of several steps; a program's own arguments are its "$@"."""
    return ("/usr/bin/sh", "-c", script, "sh")
