"""The languages, in one table: how a source becomes a process.

A new language is one more entry. Paths are this machine's own; an image has its tools wherever its PATH finds
them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from engine.errors import BadInput

ENVIRONMENT: Final = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/work",
    "LANG=C.UTF-8",
    "TZ=UTC",
    "PYTHONHASHSEED=0",
    # It makes its threads when numpy is imported: time lost on the one core of a run, and a zygote must have none.
    "OPENBLAS_NUM_THREADS=1",
)


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """How programs of one language are run.

    name, aliases   what a request may say; answers always say `name`
    extensions      of file names, the first one is preferred
    source_name     the source's name in /work
    run             argv of the program; /program/main is what `compile` made
    compile         argv that makes `main` in /work out of the source, None if it is run as it is
    standards       of the language that a request may name instead of it, as -std= takes them
    version         argv that prints a version
    read_ahead      argv that reads the start-up set of files once, outside the sandbox
    package         Debian's package that brings it
    """

    name: str
    aliases: tuple[str, ...] = ()
    extensions: tuple[str, ...]
    source_name: str
    run: tuple[str, ...]
    compile: tuple[str, ...] | None = None
    standards: tuple[str, ...] = ()
    version: tuple[str, ...]
    read_ahead: tuple[str, ...]
    package: str

    @property
    def tool(self) -> str:
        """The program that has to be there: the compiler or the interpreter."""
        return (self.compile or self.run)[0]

    @property
    def installed(self) -> bool:
        """Whether the tool is on this machine."""
        if self.tool not in _seen and os.access(self.tool, os.X_OK):
            _seen.add(self.tool)
        return self.tool in _seen


class LanguageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A language as it is on this machine: `version` as its tool prints it, else `problem` says what to do."""

    name: str
    aliases: tuple[str, ...]
    version: str | None = None
    problem: str | None = None


def _compiled(compiler: str, standard: str, source_name: str, *after: str) -> tuple[str, ...]:
    # -fmax-errors: the diagnostics are for a reader, and are capped anyway.
    return (compiler, "-O2", f"-std={standard}", "-fmax-errors=50", "-o", "main", source_name, *after)


_TABLE: Final = (
    Language(
        name="python",
        aliases=("py", "python3"),
        extensions=(".py",),
        source_name="main.py",
        run=("/usr/bin/python3", "main.py"),
        version=("/usr/bin/python3", "--version"),
        read_ahead=("/usr/bin/python3", "-I", "-c", "pass"),
        package="python3",
    ),
    Language(
        name="c",
        extensions=(".c",),
        source_name="main.c",
        run=("/program/main",),
        compile=_compiled("/usr/bin/gcc", "c17", "main.c", "-lm"),
        standards=("c99", "c11", "c17"),
        version=("/usr/bin/gcc", "--version"),
        read_ahead=("/usr/bin/gcc", "--version"),
        package="gcc libc6-dev",
    ),
    Language(
        name="cpp",
        aliases=("c++", "cxx", "cc"),
        extensions=(".cpp", ".cc", ".cxx"),
        source_name="main.cpp",
        run=("/program/main",),
        compile=_compiled("/usr/bin/g++", "c++17", "main.cpp", "-pthread"),
        standards=("c++11", "c++14", "c++17", "c++20", "c++23"),
        version=("/usr/bin/g++", "--version"),
        read_ahead=("/usr/bin/g++", "--version"),
        package="g++",
    ),
    Language(
        name="bash",
        aliases=("sh", "shell"),
        extensions=(".sh", ".bash"),
        source_name="main.sh",
        run=("/usr/bin/bash", "main.sh"),
        version=("/usr/bin/bash", "--version"),
        read_ahead=("/usr/bin/bash", "-c", ":"),
        package="bash",
    ),
    Language(
        name="javascript",
        aliases=("js", "node", "nodejs"),
        extensions=(".js", ".cjs"),
        source_name="main.js",
        run=("/usr/bin/node", "main.js"),
        version=("/usr/bin/node", "--version"),
        read_ahead=("/usr/bin/node", "-e", "0"),
        package="nodejs",
    ),
)

LANGUAGES: Final[Mapping[str, Language]] = {language.name: language for language in _TABLE}


def _with_standard(language: Language, standard: str) -> Language:
    argv = [f"-std={standard}" if word.startswith("-std=") else word for word in language.compile or ()]
    return msgspec.structs.replace(language, compile=tuple(argv))


_BY_WORD: Final = {
    **{word: language for language in _TABLE for word in (language.name, *language.aliases)},
    **{
        word: _with_standard(language, standard)
        for language in _TABLE
        for standard in language.standards
        for word in (standard, standard.replace("++", "pp"))
    },
}
# Tools found: asking the file system for every run would cost more than the rest of the check.
_seen: set[str] = set()
_BY_EXTENSION: Final = {extension: language for language in _TABLE for extension in language.extensions}


def language_named(word: str, field: str = "language") -> Language:
    """The language of that name, alias or standard (`c++20`), in any case; raises BadInput with the known ones."""
    language = _BY_WORD.get(word) or _BY_WORD.get(word.lower())
    if language is None:
        raise BadInput(field, word, f"unknown language, known are {', '.join(LANGUAGES)}")
    return language


def missing(language: Language) -> str:
    """What to do about a language that is not on this machine."""
    return f"{language.tool} is missing on this machine: apt-get install {language.package}"


def language_of_file(path: Path) -> Language | None:
    """The language that a file's name tells, or None."""
    return _BY_EXTENSION.get(path.suffix.lower())
