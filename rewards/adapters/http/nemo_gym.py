"""NeMo-Gym's resources server, for one turn: `POST /verify`, and the paths that its agents ask around it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.errors import BadInput
from engine.flow import off_loop
from engine.server.answers import Answer, json_answer
from engine.server.decode import json_body
from engine.server.request import HttpRequest
from engine.server.service import Service
from engine.wire.decode import to_struct
from rewards.adapters.http.scored import called_in, number, scored_one
from rewards.adapters.samples import item_of

_QUEUE_SECONDS: Final = 600.0
_OWN: Final = frozenset({"response", "verifier_metadata", "expected_answer"})


class Verify(msgspec.Struct, frozen=True, kw_only=True):
    """What of their request says what was answered, and what is right; all other fields come back as they were."""

    response: dict[str, Any]
    verifier_metadata: dict[str, Any] | None = None
    expected_answer: Any = None
    question: str | None = None


async def seed_session(service: Service, request: HttpRequest) -> Answer:
    """Nothing to keep: a sample has one turn."""
    return json_answer({})


async def verify(service: Service, request: HttpRequest) -> Answer:
    """The request with its `reward` and `verdict`, or the error of a sample that has none."""
    place = "response"

    def item(body: Any) -> dict[str, Any]:
        nonlocal place
        asked = to_struct(body, Verify)
        place, made = _item(asked)
        return made

    def called(field: str) -> str:
        return called_in(place, "response.output", _OWN)(field)

    answer = await scored_one(service, request, item, called=called, deadline_seconds=_QUEUE_SECONDS)
    reward = {"reward": number(answer), "verdict": answer.get("verdict")}
    return await off_loop(len(request.body), lambda: json_answer({**json_body(request.body), **reward}))


def _item(asked: Verify) -> tuple[str, dict[str, Any]]:
    """Where what is right stands, and the item; raises BadInput."""
    said = _text(asked.response.get("output"))
    if asked.expected_answer is not None:
        columns = {"kind": "math", "reference": asked.expected_answer, "question": asked.question}
        return "expected_answer", item_of(columns, said)
    columns = asked.verifier_metadata or {}
    tests = columns.get("unit_tests")
    if isinstance(tests, dict):
        return "verifier_metadata.unit_tests", _of_columns(tests, said, "verifier_metadata.unit_tests")
    return "verifier_metadata", _of_columns(columns, said, "verifier_metadata")


def _of_columns(columns: dict[str, Any], said: str, place: str) -> dict[str, Any]:
    try:
        return item_of(columns, said)
    except BadInput as error:
        raise BadInput(called_in(place, "response.output", _OWN)(error.field), error.value, error.message) from None


def _text(output: object) -> str:
    """The texts of the messages in a response, as OpenAI's clients join them; reasoning and calls are none."""
    if not isinstance(output, list) or not all(isinstance(each, dict) for each in output):
        raise BadInput("response.output", output, "expected a list of maps")
    return "".join(
        _said(each.get("content"), f"response.output[{index}].content")
        for index, each in enumerate(output)
        if each.get("type") == "message"
    )


def _said(content: object, field: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise BadInput(field, content, "expected a list of maps, or text")
    texts = [part.get("text") for part in content if part.get("type") == "output_text"]
    if not all(isinstance(text, str) for text in texts):
        raise BadInput(field, content, "expected text in its parts of type output_text")
    return "".join(texts)
