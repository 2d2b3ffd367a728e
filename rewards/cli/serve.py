"""`assay serve`, with the scorers of this package."""

from __future__ import annotations

import argparse

from engine.cli.serve import add_serve_arguments, serve
from rewards.serving import serving


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay serve`."""
    add_serve_arguments(parser)
    parser.set_defaults(handler=lambda arguments: serve(arguments, serving))
