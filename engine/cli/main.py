"""The command `assay`: every installed package's commands, of which only the one that is asked for is imported."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points, version
from types import ModuleType
from typing import Final

from engine.cli.commands import Command

_GROUP: Final = "assay.commands"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="assay", description="Runs untrusted programs and turns them into rewards.")
    parser.add_argument("--version", action="version", version=f"assay {version('assay')}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _commands():
        subparser = subparsers.add_parser(command.name, help=command.help)
        if command.name in words[:1]:
            _module_of(command, parser).add_arguments(subparser)
    parsed = parser.parse_args(words)
    code: int = parsed.handler(parsed)
    return code


def _commands() -> Iterator[Command]:
    for point in sorted(entry_points(group=_GROUP), key=lambda point: point.name, reverse=True):
        yield from point.load()


def _module_of(command: Command, parser: argparse.ArgumentParser) -> ModuleType:
    try:
        return importlib.import_module(command.module)
    except ModuleNotFoundError as error:
        parser.error(f"{command.name} needs {error.name}, which is not installed here (pip install assay, on Linux)")


if __name__ == "__main__":
    sys.exit(main())
