"""OpenRLHF's reward server: `POST /get_reward`."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from engine.server.answers import Answer, json_answer
from engine.server.request import HttpRequest
from engine.server.service import Service
from engine.wire.decode import to_struct
from rewards.adapters.http.scored import called_in, number, scored
from rewards.adapters.openrlhf import items_of_batch

# It waits 180 s for an answer, and asks five times.
_QUEUE_SECONDS: Final = 120.0


class GetReward(msgspec.Struct, frozen=True, kw_only=True):
    """Their request; unknown fields are ignored."""

    query: list[str]
    prompts: list[str]
    labels: list[Any]


async def get_reward(service: Service, request: HttpRequest) -> Answer:
    """All rewards of a batch, or the error of one that has none: OpenRLHF knows no missing reward."""
    answers = await scored(service, request, _items, called=_called, deadline_seconds=_QUEUE_SECONDS)
    rewards = [number(answer) for answer in answers]
    return json_answer({"rewards": rewards, "scores": rewards, "extra_logs": {}})


def _called(field: str) -> str:
    found = re.fullmatch(r"\[(\d+)\](?:\.(.*))?", field)
    if found is None:
        return field
    index, inner = found[1], found[2] or "columns"
    if inner in ("query", "prompt"):
        return f"query[{index}]" if inner == "query" else f"prompts[{index}]"
    return called_in(f"labels[{index}]", f"query[{index}]", frozenset())(inner)


def _items(body: Any) -> list[dict[str, Any]]:
    asked = to_struct(body, GetReward)
    return items_of_batch(asked.query, asked.prompts, asked.labels)
