"""Work that must not hold up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")
ON_THE_LOOP_BYTES: Final = 64 << 10


async def off_loop(size_bytes: int, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What `work` returns; in a thread if it is about more than `ON_THE_LOOP_BYTES`."""
    if size_bytes > ON_THE_LOOP_BYTES:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)
