"""code-judge's server: `POST /run`, `/judge`, and `/batch` and `/long-batch` below them."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from typing import Any, Final, Literal

import msgspec

from engine.errors import AssayError, BadInput, Overloaded, SandboxError
from engine.flow import off_loop
from engine.program import MIB, Limits, Verdict
from engine.server.answers import Answer, json_answer
from engine.server.decode import json_body
from engine.server.request import HttpRequest
from engine.server.service import Service
from engine.wire.decode import to_struct
from engine.wire.messages import Run, check_batch
from rewards.adapters.http.scored import number

log = logging.getLogger("assay.server")
# As its own server has them: a program's seconds and memory, how long it may wait for its turn, characters told.
_LIMITS: Final = Limits(cpu_seconds=10.0, wall_seconds=15.0, memory_bytes=256 * MIB)
_QUEUE_SECONDS: Final = {"batch": 19.0, "long-batch": 3600.0}
# What a field of ours is called here.
_FIELDS: Final = {"reference": "expected_output", "completion": "solution", "source": "solution"}
_SHOWN_CHARS: Final = 1000


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Their request; unknown fields and `options` are ignored."""

    solution: str
    type: Literal["python", "cpp", "math"]
    sub_id: str | None = None
    input: str | None = None
    expected_output: str | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Many; its `type` is ignored."""

    submissions: list[Submission]
    sub_id: str | None = None


async def one(service: Service, request: HttpRequest, *, shown: bool) -> Answer:
    """What became of a submission; `shown` tells what it printed."""
    asked = await off_loop(len(request.body), lambda: to_struct(json_body(request.body), Submission))
    (told,) = await _told_all(service, request, [asked], shown, "batch", batch=False)
    return json_answer(told)


async def many(service: Service, request: HttpRequest, *, shown: bool, queue: str) -> Answer:
    """The same for each of a batch, in order."""
    asked = await off_loop(len(request.body), lambda: to_struct(json_body(request.body), Batch))
    check_batch(asked.submissions, service.config.batch_items, "submissions")
    results = await _told_all(service, request, asked.submissions, shown, queue, batch=True)
    return json_answer({"sub_id": asked.sub_id or str(uuid.uuid4()), "results": results})


async def _told_all(
    service: Service, request: HttpRequest, asked: list[Submission], shown: bool, queue: str, *, batch: bool
) -> list[dict[str, Any]]:
    async def tell(each: Submission) -> dict[str, Any]:
        began = time.monotonic()
        told = {"sub_id": each.sub_id or str(uuid.uuid4()), "success": False, "run_success": False, "reason": ""}
        try:
            told |= await _judged(service, request, each, _QUEUE_SECONDS[queue])
        except (Overloaded, SandboxError) as error:
            log.info("%s", error)
            told["reason"] = "queue_timeout" if isinstance(error, Overloaded) else "internal_error"
        if not shown:
            told.pop("stdout", None), told.pop("stderr", None)
        return {"cost": time.monotonic() - began, **told}

    results: dict[int, dict[str, Any]] = {}
    async with contextlib.aclosing(service.batch("judge", tell, list(asked))) as answers:
        async for index, answer in answers:
            if isinstance(answer, BadInput):
                field = _FIELDS.get(answer.field, answer.field)
                named = f"submissions[{index}].{field}" if batch else field
                raise BadInput(named, answer.value, answer.message)
            if isinstance(answer, AssayError):
                raise answer
            results[index] = answer
    return [results[index] for index in range(len(results))]


async def _judged(service: Service, request: HttpRequest, asked: Submission, queue_seconds: float) -> dict[str, Any]:
    if asked.type == "math":
        if asked.expected_output is None:
            return {"reason": "invalid_input"}
        item = {"kind": "math", "completion": asked.solution, "reference": asked.expected_output}
        answer = await service.score_one(
            service.parser.item(item), client=request.client, deadline_seconds=queue_seconds
        )
        return {"run_success": True, "success": number(answer) == 1.0}
    run = Run(
        source=asked.solution,
        language=asked.type,
        stdin=(asked.input or "").encode(),
        limits=_LIMITS,
        deadline_seconds=queue_seconds,
    )
    outcome = await service.run_one(run, client=request.client, op="judge")
    clean = outcome.verdict is Verdict.ACCEPTED
    said, complained = (output.decode(errors="replace") for output in (outcome.stdout, outcome.stderr))
    wanted = asked.expected_output
    # A program of nothing prints what some tests expect.
    as_wanted = wanted is None or (said.strip() == wanted.strip() and bool(asked.solution.strip()))
    return {
        "run_success": clean,
        "success": clean and as_wanted,
        "cost": outcome.wall_seconds,
        "reason": "worker_timeout" if outcome.stopped_by in ("cpu", "wall") else "",
        "stdout": said[:_SHOWN_CHARS],
        "stderr": complained[:_SHOWN_CHARS],
    }
