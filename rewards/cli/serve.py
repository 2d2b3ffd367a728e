"""`assay serve`, with the scorers and the routes of this package."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator

from engine.cli.serve import add_serve_arguments, serve
from engine.config.settings import Settings
from engine.server.routes import Served
from rewards.adapters.http.table import ROUTES
from rewards.settings import serving


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `assay serve`."""
    add_serve_arguments(parser)
    parser.set_defaults(handler=lambda arguments: serve(arguments, _serving))


@contextlib.asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[Served]:
    async with serving(settings) as served:
        yield served._replace(routes={**served.routes, **ROUTES})
