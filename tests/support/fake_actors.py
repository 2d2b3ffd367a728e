"""Actors of Ray that are none: what their methods answer a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Method:
    """A method as Ray's handle has it: what `answer` returns, or the exception that it returns or raises."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer = answer

    def remote(self, *arguments: Any) -> asyncio.Task[Any]:
        """The call."""
        return asyncio.create_task(self._called(arguments))

    async def _called(self, arguments: tuple[Any, ...]) -> Any:
        answer = self._answer(*arguments)
        if asyncio.isfuture(answer):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer
