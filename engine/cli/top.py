"""`assay top`: what a daemon does now, in a terminal."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from engine.cli.options import FAILED, WRONG_USE
from engine.client.client import SyncClient
from engine.errors import BadInput, SandboxError

_EVERY_SECONDS: Final = 1.0
_MIB: Final = 1 << 20
_NODE: Final = ("host", "state", "running", "slots", "under_way", "problem")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay top`."""
    parser.add_argument(
        "--connect", metavar="ADDRESS", help="of the daemon, unix:// or http:// (default: the local one)"
    )
    parser.add_argument("--once", action="store_true", help="print it once and end, as where the output is no terminal")
    parser.set_defaults(handler=top)


def top(arguments: argparse.Namespace) -> int:
    """Show it until Ctrl-C; the exit code."""
    console = Console()
    try:
        with SyncClient(arguments.connect) as client:
            if arguments.once or not console.is_terminal:
                console.print(shown(client.stats()))
                return 0
            with Live(shown(client.stats()), console=console, screen=True, auto_refresh=False) as live:
                while True:
                    time.sleep(_EVERY_SECONDS)
                    live.update(shown(client.stats()), refresh=True)
    except BadInput as error:
        print(f"assay top: {error}", file=sys.stderr)
        return WRONG_USE
    except SandboxError as error:
        print(f"assay top: {error}", file=sys.stderr)
        return FAILED


def shown(stats: dict[str, Any]) -> Group:
    """One picture of what `Client.stats` says."""
    now = stats["now"] or {"runs": [], "waiting": []}
    head = f"{stats['running']} of {stats['slots']} slots in use, {stats['queued']} waiting, {stats['runs']:,} runs"
    parts: list[Text | Table] = [Text(f"{head} in {stats['up_seconds']:.0f} s")]
    if stats["draining"] or not stats["sound"] or stats["not_enforced"]:
        parts.append(Text(_trouble(stats), style="bold red"))
    runs = Table("client", "for", "waited before", "memory set aside", title="longest runs", title_justify="left")
    for run in now["runs"]:
        memory = f"{run['memory_bytes'] / _MIB:.0f} MiB"
        runs.add_row(Text(run["client"]), f"{run['seconds']:.1f} s", f"{run['waited_seconds']:.1f} s", memory)
    waiting = Table("client", "requests", "the first for", "held back by", title="who waits", title_justify="left")
    for each in now["waiting"]:
        count, longest = f"{each['requests']:,}", f"{each['longest_seconds']:.1f} s"
        waiting.add_row(Text(each["client"]), count, longest, each["waits_for"])
    nodes = Table(*(name.replace("_", " ") for name in _NODE), title="nodes", title_justify="left")
    for node in stats["nodes"]:
        nodes.add_row(*(Text(f"{node[name]}") for name in _NODE))
    minute = Table("answer", "in the last minute that had any", title="answers", title_justify="left")
    last = stats["minutes"][-1] if stats["minutes"] else {"verdicts": {}, "not_judged": {}}
    for word, count in sorted(last["verdicts"].items()):
        minute.add_row(Text(word), f"{count:,}")
    for word, count in sorted(last["not_judged"].items()):
        minute.add_row(Text(f"not judged: {word}"), f"{count:,}")
    return Group(*parts, *(table for table in (nodes, runs, waiting, minute) if table.row_count))


def _trouble(stats: dict[str, Any]) -> str:
    said = ["it is stopping"] if stats["draining"] else []
    if not stats["sound"]:
        said.append("its last run ended with a fault of the sandbox")
    if stats["not_enforced"]:
        said.append(f"not enforced: {', '.join(stats['not_enforced'])}")
    return "; ".join(said)
