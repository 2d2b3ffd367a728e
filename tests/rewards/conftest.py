from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from engine import Engine
from tests.support.runtimes import NewEngine

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def data_file() -> Callable[[str], Path]:
    """The path of a data set's file, or a skip that names it."""

    def path_of(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"needs the data set ../shared/data/{name}")
        return path

    return path_of


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(new_engine: NewEngine) -> AsyncIterator[Engine]:
    async with new_engine(slots=2) as engine:
        yield engine
