from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from engine import Engine
from tests.support.runtimes import NewEngine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(new_engine: NewEngine) -> AsyncIterator[Engine]:
    async with new_engine(slots=2) as engine:
        yield engine
