"""The commands of the engine; a package lists its own under the entry point `assay.commands`."""

from __future__ import annotations

from typing import Final, NamedTuple


class Command(NamedTuple):
    """One word after `assay`, its line of help, and the module that is imported when it is asked for.

    The module has `add_arguments(parser)`, which also sets the default `handler`: it takes the parsed arguments and
    answers the exit code.
    """

    name: str
    help: str
    module: str


COMMANDS: Final = (
    Command("run", "run one program; its output and exit code become the command's", "engine.cli.run"),
    Command("doctor", "what this machine enforces, and the languages it has", "engine.cli.doctor"),
    Command("cluster", "the nodes of a cluster on Ray: status, drain, stop", "engine.cli.cluster"),
    Command("top", "what a daemon does now: runs, who waits, verdicts", "engine.cli.top"),
    Command("images", "the unpacked layers of images; prune removes those not in use", "engine.cli.images"),
)
