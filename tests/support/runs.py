from __future__ import annotations

import contextlib
from typing import Any

from engine import Engine, TestRun


async def all_runs(engine: Engine, *arguments: Any, **options: Any) -> list[TestRun]:
    """What `engine.tests` gives, to its end."""
    async with contextlib.aclosing(engine.tests(*arguments, **options)) as runs:
        return [run async for run in runs]
