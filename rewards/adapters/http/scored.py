"""What all these paths do: items from a body, and their rewards from the daemon's own scorers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import SandboxError
from engine.flow import off_loop
from engine.scorer import Parsed
from engine.server.decode import json_body
from engine.server.request import HttpRequest
from engine.server.service import Service


async def scored(
    service: Service,
    request: HttpRequest,
    items_of: Callable[[Any], list[dict[str, Any]]],
    *,
    deadline_seconds: float,
) -> list[dict[str, Any]]:
    """The answers, in order, to the items that `items_of` makes of the body's data.

    deadline_seconds  what has not begun by then is not judged: less than the trainer itself waits
    Raises BadInput before anything runs, and as `Service.score_all`.
    """
    size_bytes = len(request.body)
    items = await off_loop(size_bytes, lambda: service.parsed_list(items_of(json_body(request.body))))

    async def ask(item: Parsed) -> dict[str, Any]:
        return await service.score_one(item, client=request.client, deadline_seconds=deadline_seconds)

    return await service.score_all(ask, items)


async def scored_one(
    service: Service, request: HttpRequest, item_of: Callable[[Any], dict[str, Any]], *, deadline_seconds: float
) -> dict[str, Any]:
    """As `scored`, for one item; raises Overloaded and SandboxError too."""
    item = await off_loop(len(request.body), lambda: service.parsed(item_of(json_body(request.body))))
    return await service.score(item, client=request.client, deadline_seconds=deadline_seconds)


def number(answer: dict[str, Any]) -> float:
    """The answer's reward; raises SandboxError, which is no status of success, where there is none."""
    if answer.get("not_judged") is not None:
        raise SandboxError(f"no reward: {answer['not_judged']}")
    return float(answer["reward"])
