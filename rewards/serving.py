"""What a daemon has of rewards: scorers, and routes beside engine's own."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator

from engine.config.settings import Settings
from engine.server.routes import Served
from rewards.adapters.http.table import ROUTES
from rewards.kinds import scorers
from rewards.sandbox_fusion.data_sets import opened
from rewards.sandbox_fusion.routes import routes_of
from rewards.settings import judge_of, rewards_config


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Served]:
    """The scorers and routes of a daemon with these settings; what they hold is closed in the end."""
    judge = judge_of(settings)
    # A line for each request, where only those that failed are wanted.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with opened(rewards_config(settings).data_sets) as data_sets:
        async with judge or contextlib.nullcontext():
            yield Served(scorers(judge), {**routes_of(data_sets), **ROUTES})
