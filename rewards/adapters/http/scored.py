"""What all these paths do: items from a body, and their rewards from the daemon's own scorers."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from engine.errors import AssayError, BadInput, SandboxError
from engine.flow import off_loop
from engine.scorer import Parsed
from engine.server.decode import json_body
from engine.server.request import HttpRequest
from engine.server.service import Service

# Asked for where nothing is left: no deadline is 0.
_LEAST_SECONDS: Final = 0.001


async def scored(
    service: Service,
    request: HttpRequest,
    items_of: Callable[[Any], list[dict[str, Any]]],
    *,
    called: Callable[[str], str],
    deadline_seconds: float,
) -> list[dict[str, Any]]:
    """The answers, in order, to the items that `items_of` makes of the body's data.

    called            what the request calls a field of an item; its own fields as they are
    deadline_seconds  of the request: what has not begun by then is refused; less than the trainer itself waits
    Raises BadInput before anything runs; and what the first item raises that has no answer, which ends the others.
    """
    until = time.monotonic() + deadline_seconds

    async def ask(item: Parsed) -> dict[str, Any]:
        left = max(until - time.monotonic(), _LEAST_SECONDS)
        return await service.score_one(item, client=request.client, deadline_seconds=left)

    with _errors(called):
        items = await off_loop(len(request.body), lambda: service.parser.items(items_of(json_body(request.body))))
        answers: list[dict[str, Any]] = [{}] * len(items)
        async with contextlib.aclosing(service.scored(ask, items)) as numbered:
            async for index, answer in numbered:
                if isinstance(answer, AssayError):
                    raise answer.below(f"[{index}]") if isinstance(answer, BadInput) else answer
                answers[index] = answer
        return answers


async def scored_one(
    service: Service,
    request: HttpRequest,
    item_of: Callable[[Any], dict[str, Any]],
    *,
    called: Callable[[str], str],
    deadline_seconds: float,
) -> dict[str, Any]:
    """As `scored`, for one item; raises Overloaded and SandboxError too."""
    with _errors(called):
        item = await off_loop(len(request.body), lambda: service.parser.item(item_of(json_body(request.body))))
        return await service.score(item, client=request.client, deadline_seconds=deadline_seconds)


def called_in(place: str, completion: str, own: frozenset[str]) -> Callable[[str], str]:
    """For a request whose field `place` has a sample's columns, or the reference itself, and `completion` the answer.

    own  its fields
    """

    def called(field: str) -> str:
        if re.split(r"[.\[]", field, maxsplit=1)[0] in own | {"body", "request"}:
            return field
        if field == "completion":
            return completion
        column = field.removeprefix("ground_truth.")
        return place if column in ("reference", "columns", "ground_truth") else f"{place}.{column}"

    return called


@contextlib.contextmanager
def _errors(called: Callable[[str], str]) -> Iterator[None]:
    try:
        yield
    except BadInput as error:
        raise BadInput(called(error.field), error.value, error.message) from None


def number(answer: dict[str, Any]) -> float:
    """The answer's reward; raises SandboxError, which is no status of success, where there is none."""
    if answer.get("not_judged") is not None:
        raise SandboxError(f"no reward: {answer['not_judged']}")
    return float(answer["reward"])
