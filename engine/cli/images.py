"""`assay images`: the layers in the image store, and removing those that no engine uses."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.cli.options import FAILED, WRONG_USE
from engine.config.engine import HOST, EngineConfig
from engine.config.settings import load_settings
from engine.errors import BadInput, CannotStart
from engine.pool.images import places_of
from engine.pool.native import list_images, prune_images
from engine.program import MIB

_DIGITS: Final = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay images`."""
    parser.add_argument("action", nargs="?", choices=["prune"], help="remove the layers that no running engine uses")
    parser.add_argument("--config", metavar="F", help="TOML file whose table [engine] names the store and the images")
    parser.set_defaults(handler=images)


def images(arguments: argparse.Namespace) -> int:
    """`assay images`: 0, 1 if the store cannot be read, 2 for a wrong configuration."""
    try:
        config = load_settings(arguments.config).engine
        if arguments.action == "prune":
            _prune(config)
        else:
            _list(config)
    except BadInput as error:
        print(f"assay images: {error}", file=sys.stderr)
        return WRONG_USE
    except (CannotStart, OSError) as error:
        print(f"assay images: {error}", file=sys.stderr)
        return FAILED
    return 0


def _list(config: EngineConfig) -> None:
    places = {name: place for name, place in places_of(config).items() if place != HOST}
    layers, found = list_images(config.image_store, list(places.values()))
    owners: dict[str, list[str]] = {}
    notes = []
    for name, answer in zip(places, found, strict=True):
        if isinstance(answer, str):
            notes.append(f"{name}: {answer}")
            continue
        for digest in answer:
            owners.setdefault(digest, []).append(name)
        if missing := len(set(answer) - {digest for digest, _, _ in layers}):
            notes.append(f"{name}: {missing} of {_counted(answer)} not unpacked yet")
    console = Console(highlight=False)
    console.print(_table(layers, owners))
    for line in (f"{_counted(layers)}, {_mebibytes(layers)} in {config.image_store}", *notes):
        console.print(line, markup=False, soft_wrap=True)


def _table(layers: Sequence[tuple[str, int, bool]], owners: dict[str, list[str]]) -> Table:
    table = Table("layer")
    table.add_column("MiB", justify="right")
    table.add_column("in use")
    table.add_column("configured as", overflow="fold")
    for digest, size_bytes, in_use in layers:
        names = Text(", ".join(owners.get(digest, ())))
        table.add_row(digest[:_DIGITS], f"{size_bytes / MIB:.1f}", "yes" if in_use else "", names)
    return table


def _prune(config: EngineConfig) -> None:
    layers, leftover_bytes, in_use = prune_images(config.image_store)
    leftovers = f", and {leftover_bytes / MIB:.1f} MiB of half layers" if leftover_bytes else ""
    print(f"removed {_counted(layers)}, {_mebibytes(layers)}{leftovers}; {in_use} in use")


def _counted(layers: Sequence[object]) -> str:
    count = len(set(layers))
    return "1 layer" if count == 1 else f"{count} layers"


def _mebibytes(layers: Sequence[tuple[str, int, bool]]) -> str:
    return f"{sum(size_bytes for _, size_bytes, _ in layers) / MIB:.1f} MiB"
