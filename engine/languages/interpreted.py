"""Languages whose source is run as it is."""

from __future__ import annotations

from typing import Final

from engine.languages.language import PLACE, Language, Start, shell

_PYTHON: Final = "/usr/bin/python3"
_PYTEST: Final = f"{PLACE}/pytest"
# What does not parse has no traceback.
_TRACEBACK: Final = r"Traceback \(most recent call last\)|(?:Syntax|Indentation|Tab)Error:"
_LUA: Final = "/usr/bin/lua5.4"
# Debian has their settings in /etc, which programs do not see.
_R: Final = (f"{PLACE}/R/bin/R",)
_RACKET: Final = f"{PLACE}/racket"
_MONO: Final = f"{PLACE}/csharp"
_USINGS: Final = "".join(
    f"using System{name}; " for name in ("", ".Collections.Generic", ".IO", ".Linq", ".Threading", ".Threading.Tasks")
)

INTERPRETED: Final = (
    Language(
        name="python",
        aliases=("py", "python3"),
        extensions=(".py",),
        source_name="main.py",
        run=(_PYTHON, "main.py"),
        version=(_PYTHON, "--version"),
        read_ahead=(_PYTHON, "-I", "-c", "pass"),
        package="python3",
        uncaught=_TRACEBACK,
    ),
    Language(
        name="pytest",
        extensions=(),
        source_name="main.py",
        run=(_PYTHON, "-m", "pytest", "main.py"),
        environment=(f"PYTHONPATH={_PYTEST}",),
        version=(_PYTHON, "-m", "pytest", "--version"),
        needs=(f"{_PYTEST}/pytest",),
        verdict_by_exit=True,
    ),
    Language(
        name="pypy",
        aliases=("pypy3",),
        extensions=(),
        source_name="main.py",
        run=("/usr/bin/pypy3", "main.py"),
        version=("/usr/bin/pypy3", "--version"),
        package="pypy3",
        uncaught=_TRACEBACK,
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
        uncaught=r"main\.sh: line \d+: ",
    ),
    Language(
        name="perl",
        aliases=("pl",),
        extensions=(".pl",),
        source_name="main.pl",
        run=("/usr/bin/perl", "main.pl"),
        version=("/usr/bin/perl", "-e", "print $^V"),
        read_ahead=("/usr/bin/perl", "-e", "1"),
        package="perl",
        uncaught=r".* at main\.pl line \d",
    ),
    Language(
        name="ruby",
        aliases=("rb",),
        extensions=(".rb",),
        source_name="main.rb",
        run=("/usr/bin/ruby", "main.rb"),
        version=("/usr/bin/ruby", "--version"),
        package="ruby ruby-test-unit",
        uncaught=r"main\.rb:\d+:",
    ),
    Language(
        name="php",
        extensions=(".php",),
        source_name="main.php",
        run=("/usr/bin/php", "-f", "main.php", "--"),
        opening="<?php\n",
        before_opening=r"(?:#![^\n]*\n)?",
        # Beside those of its own place: extensions are named in /etc.
        environment=(f"PHP_INI_SCAN_DIR=:{PLACE}/php",),
        version=("/usr/bin/php", "--version"),
        read_ahead=("/usr/bin/php", "-r", "1;"),
    ),
    Language(
        name="lua",
        extensions=(".lua",),
        source_name="main.lua",
        run=(_LUA, "main.lua"),
        version=(_LUA, "-v"),
        read_ahead=(_LUA, "-e", "return"),
        package="lua5.4 lua-unit",
        uncaught=r"\S*/lua[\d.]*: ",
    ),
    Language(
        name="R",
        aliases=("r",),
        extensions=(".R", ".r"),
        source_name="main.R",
        run=(*_R, "--no-echo", "--no-restore", "--file=main.R", "--args"),
        version=(*_R, "--version"),
        needs=(f"{PLACE}/R/etc",),
        start=Start(cpu_seconds=0.1),
        uncaught="Execution halted",
    ),
    Language(
        name="racket",
        aliases=("rkt",),
        extensions=(".rkt",),
        source_name="main.rkt",
        run=("/usr/bin/racket", "-G", _RACKET, "main.rkt"),
        version=("/usr/bin/racket", "--version"),
        needs=(f"{_RACKET}/config.rktd",),
        start=Start(cpu_seconds=0.1),
        uncaught=r"  context\.\.\.:",
    ),
    Language(
        name="sql",
        aliases=("sqlite", "sqlite3"),
        extensions=(".sql",),
        source_name="main.sql",
        # Its standard input is the program's own, which it reads as readfile('/dev/stdin').
        run=("/usr/bin/sqlite3", "-batch", "-bail", ":memory:", ".read main.sql"),
        version=("/usr/bin/sqlite3", "--version"),
        read_ahead=("/usr/bin/sqlite3", ":memory:", "select 1"),
        package="sqlite3",
        uncaught="(?:Parse|Runtime) error near line ",
    ),
    Language(
        name="csharp",
        aliases=("c#", "cs"),
        extensions=(".cs",),
        source_name="main.cs",
        compile=shell("/usr/bin/mcs -debug -d:DEBUG -d:TRACE -langversion:latest -out:main main.cs"),
        run=("/usr/bin/mono", "--debug", "/program/main"),
        # What a project of .NET's own finds without asking.
        opening=_USINGS,
        # Directives of the preprocessor have lines of their own, and some stand before everything else.
        before_opening=r"(?:[ \t]*(?:(?:#|//)[^\n]*)?\n)*",
        environment=(f"MONO_CFG_DIR={_MONO}",),
        version=("/usr/bin/mono", "--version"),
        needs=("/usr/bin/mcs", f"{_MONO}/mono/config"),
        uncaught=r"Unhandled Exception:|\[ERROR\] FATAL ",
    ),
)
