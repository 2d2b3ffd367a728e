"""The command `assay`: every installed package's commands, of which only the one that is asked for is imported."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, entry_points, version
from types import FrameType
from typing import Final, NoReturn

from engine.cli.commands import Command
from engine.cli.options import FAILED, INTERRUPTED

_GROUP: Final = "assay.commands"
# All of Assay, and what its clients need of it: the same packages, hence never both.
_DISTRIBUTIONS: Final = ("assay", "assay-client")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    installed = _installed()
    if len(installed) > 1:
        return _refused(f"{' and '.join(installed)} hold the same packages: uninstall both, then install one of them")
    parser = argparse.ArgumentParser(prog="assay", description="Runs untrusted programs and turns them into rewards.")
    parser.add_argument("--version", action="version", version="".join(installed))
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _commands():
        subparser = subparsers.add_parser(command.name, help=command.help)
        if command.name in words[:1]:
            try:
                module = importlib.import_module(command.module)
            except ModuleNotFoundError as error:
                return _refused(
                    f"{command.name} needs {error.name}, which is not installed here (pip install assay, on Linux)"
                )
            module.add_arguments(subparser)
    parsed = parser.parse_args(words)
    try:
        with _ended_by_terminate():
            code: int = parsed.handler(parsed)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


@contextlib.contextmanager
def _ended_by_terminate() -> Iterator[None]:
    """SIGTERM ends a command from within, as Ctrl-C does, so that it stops what it has started; a second one kills."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, _: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)


def _commands() -> Iterator[Command]:
    for point in sorted(entry_points(group=_GROUP), key=lambda point: point.name, reverse=True):
        yield from point.load()


def _installed() -> list[str]:
    """Name and version of every distribution of Assay that is installed."""
    found = []
    for name in _DISTRIBUTIONS:
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return found


def _refused(why: str) -> int:
    print(f"assay: {why}", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
