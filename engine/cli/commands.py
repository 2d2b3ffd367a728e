"""The commands of the engine; a package lists its own under the entry point `assay.commands`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Final, NamedTuple

_GROUP: Final = "assay.commands"


class Command(NamedTuple):
    """One word after `assay`, its line of help, and the module that is imported when it is asked for.

    The module has `add_arguments(parser)`, which also sets the default `handler`: it takes the parsed arguments and
    answers the exit code. A name of two words, "bench math", is a word of another package's command.
    """

    name: str
    help: str
    module: str


COMMANDS: Final = (
    Command("run", "run one program; its output and exit code become the command's", "engine.cli.run"),
    Command("doctor", "what this machine enforces, and the languages it has", "engine.cli.doctor"),
    Command("images", "the unpacked layers of images; prune removes those not in use", "engine.cli.images"),
    Command("bench", "measure this machine", "engine.cli.bench"),
)


def commands() -> Iterator[Command]:
    """Those of every installed package."""
    for point in sorted(entry_points(group=_GROUP), key=lambda point: point.name, reverse=True):
        yield from point.load()


def words_of(name: str) -> Iterator[Command]:
    """Those that other packages have under the command `name`, by their last word."""
    for command in commands():
        before, _, word = command.name.partition(" ")
        if word and before == name:
            yield command._replace(name=word)
