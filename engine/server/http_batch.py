"""Answers to a batch over HTTP: one JSON list in order, or JSON lines as they come."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

import msgspec

from engine.errors import AssayError, BadInput
from engine.flow import off_loop
from engine.program import Outcome
from engine.server.answers import Answer
from engine.server.batch import Numbered, in_order
from engine.server.service import Service
from engine.wire.bytes import json_ready
from engine.wire.messages import Run, error_body, outcome_to_wire

_T = TypeVar("_T")


async def outcome_json(outcome: Outcome) -> bytes:
    """The outcome as JSON."""
    return await off_loop(outcome.size_bytes, _encoded, outcome)


def _encoded(outcome: Outcome) -> bytes:
    return msgspec.json.encode(json_ready(outcome_to_wire(outcome)))


async def one_answer(service: Service, run: Run | BadInput, client: str) -> bytes:
    """The answer of one run among many; raises what is wrong with it."""
    if isinstance(run, BadInput):
        raise run
    return await outcome_json(await service.run_one(run, client=client))


async def lines(answers: Numbered[_T], json: Callable[[_T], bytes]) -> AsyncGenerator[bytes, None]:
    """A line for each: its `index`, and its `answer` or `error`."""
    async with contextlib.aclosing(answers) as numbered:
        async for index, answer in numbered:
            if isinstance(answer, AssayError):
                yield b'{"index":%d,"error":%b}\n' % (index, msgspec.json.encode(error_body(answer)))
            else:
                yield b'{"index":%d,"answer":%b}\n' % (index, json(answer))


async def listed(answers: Numbered[bytes], count: int, most_bytes: int) -> Answer:
    """All in order, an error as a map with `error` alone; what is not there after `most_bytes` is ended."""
    parts = [
        msgspec.json.encode({"error": error_body(each)}) if isinstance(each, AssayError) else each
        for each in await in_order(answers, count, most_bytes, len)
    ]
    return Answer(b"[%b]" % b",".join(parts))
