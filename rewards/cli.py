"""The command `assay`: `serve` and `score` here, `run`, `doctor` and `bench` from the engine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from engine import commands
from engine.bench import command as bench
from engine.server.serve import add_serve_arguments, serve
from rewards.score import SCORERS
from rewards.score_command import add_score_arguments, score


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="assay", description="Runs untrusted programs and turns them into rewards.")
    parser.add_argument("--version", action="version", version=f"assay {version('assay')}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve_parser = subparsers.add_parser("serve", help="keep a daemon running, on a Unix socket and HTTP")
    add_serve_arguments(serve_parser)
    serve_parser.set_defaults(handler=lambda parsed: serve(parsed, SCORERS))
    score_parser = subparsers.add_parser("score", help="the rewards of a file of completions")
    add_score_arguments(score_parser)
    score_parser.set_defaults(handler=score)
    commands.register(subparsers)
    bench.register(subparsers)
    parsed = parser.parse_args(arguments)
    code: int = parsed.handler(parsed)
    return code


if __name__ == "__main__":
    sys.exit(main())
