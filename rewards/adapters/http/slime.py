"""slime's remote reward model: `POST /slime`, for `--rm-type remote_rm --rm-url`."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.server.answers import Answer, json_answer
from engine.server.request import HttpRequest
from engine.server.service import Service
from engine.wire.decode import to_struct
from rewards.adapters.http.scored import called_in, number, scored_one
from rewards.adapters.samples import item_of_label

# It waits 120 s for an answer, and asks ten times.
_QUEUE_SECONDS: Final = 80.0
_CALLED: Final = called_in("label", "response", frozenset({"response", "label"}))


class RemoteRM(msgspec.Struct, frozen=True, kw_only=True):
    """Their request; the prompt and unknown fields are ignored."""

    response: str
    label: Any


async def remote_rm(service: Service, request: HttpRequest) -> Answer:
    """The reward as a bare number, or the error of a sample that has none, after which slime asks again."""
    answer = await scored_one(service, request, _item, called=_CALLED, deadline_seconds=_QUEUE_SECONDS)
    return json_answer(number(answer))


def _item(body: Any) -> dict[str, Any]:
    asked = to_struct(body, RemoteRM)
    return item_of_label(asked.label, asked.response)
