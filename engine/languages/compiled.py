"""Languages that are compiled to machine code."""

from __future__ import annotations

from typing import Final

from engine.languages.language import PLACE, Language, shell


def _gnu(compiler: str, standard: str, source_name: str, *after: str) -> tuple[str, ...]:
    # -fmax-errors: the diagnostics are for a reader, and are capped anyway.
    return (compiler, "-O2", f"-std={standard}", "-fmax-errors=50", "-o", "main", source_name, *after)


_GO: Final = f"{PLACE}/go"
_GO_TOOL: Final = f"{_GO}/root/bin/go"
_GO_ENVIRONMENT: Final = (
    f"GOCACHE={_GO}/cache",
    f"GOMODCACHE={_GO}/mod",
    "GOFLAGS=-mod=mod",
    "GOPROXY=off",
    "GOTOOLCHAIN=local",
    "GOTELEMETRY=off",
    "CGO_ENABLED=0",
)
# Its parallel steps are as many as the machine has cores, each with threads: two are enough for one core.
_GO_FEW: Final = f"export GOMAXPROCS=2; for file in go.mod go.sum; do [ -e $file ] || cp {_GO}/$file .; done"
_RUSTC: Final = f"{PLACE}/rust/bin/rustc"

COMPILED: Final = (
    Language(
        name="c",
        extensions=(".c",),
        source_name="main.c",
        run=("/program/main",),
        compile=_gnu("/usr/bin/gcc", "c17", "main.c", "-lm"),
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
        compile=_gnu("/usr/bin/g++", "c++17", "main.cpp", "-pthread"),
        standards=("c++11", "c++14", "c++17", "c++20", "c++23"),
        version=("/usr/bin/g++", "--version"),
        read_ahead=("/usr/bin/g++", "--version"),
        package="g++",
    ),
    Language(
        name="rust",
        aliases=("rs",),
        extensions=(".rs",),
        source_name="main.rs",
        run=("/program/main",),
        compile=(_RUSTC, "--edition=2021", "-O", "-o", "main", "main.rs"),
        version=(_RUSTC, "--version"),
        needs=(f"{PLACE}/rust/lib/rustlib",),
        uncaught=r"Error: |thread '.*' (?:\(\d+\) )?panicked at ",
    ),
    Language(
        name="go",
        aliases=("golang",),
        extensions=(".go",),
        source_name="main.go",
        run=("/program/main",),
        compile=shell(f"{_GO_FEW}; exec {_GO_TOOL} build -o main main.go"),
        environment=_GO_ENVIRONMENT,
        version=(_GO_TOOL, "version"),
        needs=(f"{_GO}/cache", f"{_GO}/go.sum"),
        uncaught="panic: |fatal error: ",
    ),
    Language(
        name="go_test",
        extensions=(),
        source_name="main_test.go",
        run=shell(f"{_GO_FEW}; exec {_GO_TOOL} test main_test.go"),
        environment=_GO_ENVIRONMENT,
        version=(_GO_TOOL, "version"),
        needs=(f"{_GO}/cache", f"{_GO}/go.sum"),
        verdict_by_exit=True,
    ),
    Language(
        name="haskell",
        aliases=("hs",),
        extensions=(".hs",),
        source_name="main.hs",
        run=("/program/main",),
        compile=("/usr/bin/ghc", "-O", "-v0", "-o", "main", "main.hs"),
        version=("/usr/bin/ghc", "--version"),
        environment=(f"GHC_PACKAGE_PATH={PLACE}/haskell/package.conf.d",),
        needs=(f"{PLACE}/haskell/package.conf.d",),
        uncaught="main: ",
    ),
    Language(
        name="ocaml",
        aliases=("ml",),
        extensions=(".ml",),
        source_name="main.ml",
        run=("/program/main",),
        compile=(
            "/usr/bin/ocamlopt",
            "-O3",
            "-I",
            "+unix",
            "-I",
            "+str",
            "unix.cmxa",
            "str.cmxa",
            "-o",
            "main",
            "main.ml",
        ),
        version=("/usr/bin/ocamlopt", "-version"),
        package="ocaml-nox",
        uncaught="Fatal error: exception ",
    ),
    Language(
        name="D_ut",
        extensions=(),
        source_name="main.d",
        run=("/program/main",),
        compile=("/usr/bin/ldc2", f"--conf={PLACE}/D_ut/ldc2.conf", "--unittest", "--of=main", "main.d"),
        version=("/usr/bin/ldc2", f"--conf={PLACE}/D_ut/ldc2.conf", "--version"),
        needs=(f"{PLACE}/D_ut/ldc2.conf",),
        verdict_by_exit=True,
        uncaught=r"[\w.]+@[^\s(]+\(\d+\): ",
    ),
    Language(
        name="verilog",
        aliases=("sv", "systemverilog"),
        extensions=(".sv",),
        source_name="main.sv",
        run=("/usr/bin/vvp", "-n", "/program/main"),
        compile=(
            *("/usr/bin/iverilog", "-Wall", "-Winfloop", "-Wno-timescale", "-g2012"),
            *("-s", "tb", "-o", "main", "main.sv"),
        ),
        version=("/usr/bin/iverilog", "-V"),
        package="iverilog",
    ),
)
