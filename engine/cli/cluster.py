"""`assay cluster`: the nodes of a cluster on Ray."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from rich.console import Console
from rich.table import Table

from engine.cli.options import FAILED, WRONG_USE
from engine.errors import BadInput, SandboxError
from engine.wire.cluster import Report

_Action = Callable[[argparse.Namespace], Awaitable[None]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay cluster`."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, action, text in _ACTIONS:
        subparser = actions.add_parser(name, help=text)
        if name == "drain":
            subparser.add_argument("node", metavar="NODE", help="its address, or the beginning of its id")
        subparser.add_argument("--ray", metavar="ADDRESS", help="of Ray (default: the one that runs on this machine)")
        subparser.set_defaults(handler=lambda arguments, action=action: _acted(action, arguments))


def _acted(action: _Action, arguments: argparse.Namespace) -> int:
    try:
        asyncio.run(_connected(action, arguments))
    except BadInput as error:
        print(f"assay cluster: {error}", file=sys.stderr)
        return WRONG_USE
    except SandboxError as error:
        print(f"assay cluster: {error}", file=sys.stderr)
        return FAILED
    return 0


async def _connected(action: _Action, arguments: argparse.Namespace) -> None:
    from engine.client.ray import connect, in_short

    connect(arguments.ray)
    from ray.exceptions import RayError, RayTaskError

    try:
        await action(arguments)
    except RayTaskError as error:
        raise SandboxError(in_short(error)) from None
    except RayError as error:
        raise SandboxError(f"the roster does not answer: {in_short(error)}") from None


async def _status(arguments: argparse.Namespace) -> None:
    from engine.client.nodes import Nodes

    nodes = Nodes()
    await nodes.open(lambda _: True, seconds=_STATUS_SECONDS)
    await nodes.close()
    Console().print(_table(nodes.reports))


async def _drain(arguments: argparse.Namespace) -> None:
    from engine.client.nodes import Nodes

    nodes = Nodes()
    await nodes.open(lambda _: True, seconds=_STATUS_SECONDS)
    try:
        report = await nodes.drain(arguments.node)
    finally:
        await nodes.close()
    print(f"{report.host} ({report.node[:8]}) is {report.state}: nothing is under way there, its slots are gone")


async def _stop(arguments: argparse.Namespace) -> None:
    from engine.cluster.start import stop

    await stop()


_STATUS_SECONDS: Final = 30.0
_ACTIONS: Final = (
    ("status", _status, "the nodes, and what is under way on each"),
    ("drain", _drain, "let a node take nothing new, and wait until it has answered everything"),
    ("stop", _stop, "end the engine on every node, and kill what runs"),
)


def _table(reports: list[Report]) -> Table:
    table = Table("node", "address", "state", "slots", "under way", "runs", "why no program runs")
    for report in sorted(reports, key=lambda report: (report.host, report.node)):
        counts = (report.usable_slots, report.under_way, report.stats.get("runs", 0))
        numbers = (f"{count:,}" for count in counts)
        table.add_row(report.node[:8], report.host, report.state, *numbers, report.problem)
    return table
