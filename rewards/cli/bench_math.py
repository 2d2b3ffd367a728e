"""`assay bench math`: its arguments, and where the figures go."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from engine.cli.options import OUR_FAULT, WRONG_USE
from engine.errors import AssayError, BadInput
from rewards.bench import math_report
from rewards.bench.math import MathReport, golden, measured, through_daemon
from rewards.bench.math_pairs import TABLE
from rewards.cli.daemon import own_daemon
from rewards.client import RewardClient

_BATCH: Final = 1_000
_SECONDS: Final = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay bench math`."""
    parser.add_argument("--golden", action="store_true", help="the whole table, judged once by both: who is right")
    parser.add_argument("--daemon", action="store_true", help="through a daemon of its own too, in batches")
    parser.add_argument("--table", metavar="FILE", type=Path, default=TABLE, help="the rows of what counts")
    parser.add_argument("--peer-python", metavar="FILE", default=sys.executable, help="a Python that has math-verify")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables there too")
    parser.set_defaults(handler=bench_math)


def bench_math(arguments: argparse.Namespace) -> int:
    """`assay bench math`: the exit code."""
    console = Console()
    try:
        with console.status("") as status:
            judge = golden if arguments.golden else measured
            report = judge(
                arguments.table,
                arguments.peer_python,
                lambda what, share: status.update(f"{what}, {share:.0%}"),
            )
        if arguments.daemon:
            report = msgspec.structs.replace(report, daemon_pairs_per_second=_through_daemon(arguments, console))
    except AssayError as error:
        print(f"assay bench: {error}", file=sys.stderr)
        return WRONG_USE if isinstance(error, BadInput) else OUR_FAULT
    math_report.show(report, console)
    _write(arguments, report)
    return 0


def _through_daemon(arguments: argparse.Namespace, console: Console) -> float:
    async def run(address: str) -> float:
        async with RewardClient(address) as client:
            return await through_daemon(client, arguments.table, _BATCH, _SECONDS)

    with (
        tempfile.TemporaryDirectory(prefix="assay-bench-") as directory,
        own_daemon(Path(directory), 1, console) as address,
    ):
        return asyncio.run(run(address))


def _write(arguments: argparse.Namespace, report: MathReport) -> None:
    if arguments.json:
        Path(arguments.json).write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if arguments.markdown:
        Path(arguments.markdown).write_text(math_report.markdown(report))
