"""`assay run`: one program in the sandbox; its output and exit code become the command's."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import signal
import sys
from pathlib import Path
from typing import Any

from engine.cli.options import ALLOW_DEGRADED, CONFIG, OUR_FAULT, WRONG_USE, size
from engine.config.engine import RUNTIMES, EngineConfig
from engine.config.settings import load_settings
from engine.engine import Engine
from engine.errors import AssayError, BadInput
from engine.languages.table import LANGUAGES, language_of_file
from engine.program import Limits, Outcome, Program, Verdict
from engine.proof.selftest import summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay run`."""
    parser.add_argument("file", metavar="FILE", help="the program's source")
    parser.add_argument("--language", metavar="L", help="the default is told by the file's name")
    parser.add_argument("--stdin", metavar="F", help="file that the program reads, - for standard input (none)")
    parser.add_argument("--cpu", metavar="S", help="CPU seconds (10)")
    parser.add_argument("--wall", metavar="S", help="clock seconds (twice the CPU seconds and 5)")
    parser.add_argument("--memory", metavar="SIZE", help="memory, like 256M (512M)")
    parser.add_argument("--output", metavar="SIZE", help="bytes kept of stdout and of stderr (1M)")
    parser.add_argument("--image", metavar="PATH", help="image that it runs in: a directory, OCI layout or archive")
    parser.add_argument("--runtime", choices=RUNTIMES, help="who makes the slot (native)")
    parser.add_argument("--config", metavar="F", help=CONFIG)
    parser.add_argument("--allow-degraded", action="store_true", help=ALLOW_DEGRADED)
    parser.add_argument("-v", "--verbose", action="store_true", help="facts of the run go to stderr")
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """`assay run`: the program's own exit code, 128 + N for signal N, 125 for a fault of ours."""
    try:
        program, stdin, limits = _asked(arguments)
        config = _config(arguments)
        outcome = asyncio.run(_run(program, stdin, limits, config))
    except BadInput as error:
        print(f"assay run: {error}", file=sys.stderr)
        return WRONG_USE
    except AssayError as error:
        print(f"assay run: {error}", file=sys.stderr)
        return OUR_FAULT
    return _show(outcome, limits, verbose=arguments.verbose)


def _config(arguments: argparse.Namespace) -> EngineConfig:
    given = {
        "runtime": arguments.runtime,
        "rootfs": arguments.image,
        "allow_degraded": arguments.allow_degraded or None,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(load_settings(arguments.config).engine, **changes)


async def _run(program: Program, stdin: bytes, limits: Limits, config: EngineConfig) -> Outcome:
    async with Engine(slots=1, config=config) as engine:
        return await engine.run(program, stdin, limits)


def _asked(arguments: argparse.Namespace) -> tuple[Program, bytes, Limits]:
    path = Path(arguments.file)
    language = arguments.language
    if language is None:
        by_name = language_of_file(path)
        if by_name is None:
            raise BadInput("file", path.name, f"its name tells no language, say --language {'|'.join(LANGUAGES)}")
        language = by_name.name
    try:
        source = _contents("file", arguments.file).decode()
    except UnicodeDecodeError:
        raise BadInput("file", arguments.file, "not UTF-8 text") from None
    asked: dict[str, Any] = {}
    if arguments.cpu is not None:
        asked["cpu_seconds"] = _seconds("cpu", arguments.cpu)
    if arguments.wall is not None:
        asked["wall_seconds"] = _seconds("wall", arguments.wall)
    if arguments.memory is not None:
        asked["memory_bytes"] = size("memory", arguments.memory)
    if arguments.output is not None:
        asked["output_bytes"] = size("output", arguments.output)
    stdin = b"" if arguments.stdin is None else _contents("stdin", arguments.stdin)
    return Program(source, language), stdin, Limits(**asked)


def _contents(field: str, name: str) -> bytes:
    if field == "stdin" and name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise BadInput(field, name, error.strerror or "cannot be read") from None


def _seconds(field: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise BadInput(field, text, "expected seconds, like 2.5") from None
    if not 0 < seconds < float("inf"):
        raise BadInput(field, text, "expected a number above 0")
    return seconds


def _show(outcome: Outcome, limits: Limits, *, verbose: bool) -> int:
    ran = outcome
    if outcome.compile is not None and not outcome.compile.clean:
        ran = outcome.compile
    code = _exit_code(ran)
    if ran is not outcome:
        # A compiler's output is about the program, not its output; and exit code 0 would lie.
        _write(2, ran.stdout + ran.stderr)
        code = code or 1
    elif not (_write(1, ran.stdout) and _write(2, ran.stderr)):
        code = 128 + signal.SIGPIPE
    if (why := _why(outcome, limits)) is not None:
        print(f"assay run: {why}", file=sys.stderr)
    if verbose:
        degraded = f" · {summary(outcome.not_enforced)}" if outcome.not_enforced else ""
        print(_facts(ran) + degraded, file=sys.stderr)
    return code


def _write(fd: int, data: bytes) -> bool:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except BrokenPipeError:
        return False
    return True


def _exit_code(ran: Outcome) -> int:
    return 128 + (ran.signal or signal.SIGKILL) if ran.exit_code is None else ran.exit_code


def _why(outcome: Outcome, limits: Limits) -> str | None:
    """What the exit code alone does not say."""
    match outcome.verdict:
        case Verdict.COMPILE_ERROR:
            stopped = outcome.compile is not None and outcome.compile.stopped_by
            return f"{Verdict.COMPILE_ERROR}: stopped at the {stopped} limit" if stopped else Verdict.COMPILE_ERROR
        case Verdict.TIME_LIMIT:
            limit = f"{limits.cpu_seconds:g} s of CPU" if outcome.stopped_by == "cpu" else f"{limits.wall:g} s of clock"
            return f"{Verdict.TIME_LIMIT}: stopped after {limit} time"
        case Verdict.MEMORY_LIMIT:
            return f"{Verdict.MEMORY_LIMIT}: more than {limits.memory_bytes} bytes"
        case Verdict.OUTPUT_LIMIT:
            return f"{Verdict.OUTPUT_LIMIT}: more than {limits.output_bytes} bytes, what came first is shown"
        case _:
            return None


def _facts(ran: Outcome) -> str:
    end = f"exit {ran.exit_code}" if ran.exit_code is not None else f"signal {ran.signal}"
    return (
        f"{end} · cpu {ran.cpu_seconds:.3f} s · wall {ran.wall_seconds:.3f} s"
        f" · queue {ran.queue_seconds:.3f} s · peak {ran.peak_memory_bytes / (1 << 20):.1f} MiB"
    )
