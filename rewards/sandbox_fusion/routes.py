"""The paths of SandboxFusion's data sets, and ScaleBox's batch."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Final, TypeVar

from engine.errors import BadInput, SandboxError
from engine.flow import off_loop
from engine.server.answers import Answer, json_answer
from engine.server.decode import json_body
from engine.server.request import HttpRequest
from engine.server.routes import Route
from engine.server.run_code import in_their_words
from engine.server.run_result import told
from engine.server.service import Service
from engine.wire.decode import to_struct
from rewards.sandbox_fusion.batch import evaluated
from rewards.sandbox_fusion.data_sets import DataSet
from rewards.sandbox_fusion.kinds import Kind, kind_of
from rewards.sandbox_fusion.prompts import prompt_of
from rewards.sandbox_fusion.reference import Sound
from rewards.sandbox_fusion.request import Config, One, Page, Submission, submission
from rewards.sandbox_fusion.submit import ROW, submitted

_T = TypeVar("_T", Page, One)
_POST: Final = ("POST",)
_OP: Final = "submit"
# What a field of ours is called in a submission.
_FIELDS: Final = {
    "run_timeout": "config.run_timeout",
    "compile_timeout": "config.compile_timeout",
    "memory_limit_MB": "config.mem_limit",
    "judge.source": "config.extra.special_judge_program",
    "language": "config.language",
    "code": "completion",
}


def routes_of(data_sets: Mapping[str, DataSet]) -> dict[str, Route]:
    """What stands behind each path, for a daemon with these data sets."""
    sets = _DataSets(data_sets)
    return {
        "/submit": Route(_POST, sets.submit, told, _OP),
        "/common_evaluate_batch": Route(_POST, _batch, told, _OP),
        "/common_evaluate": Route(_POST, _batch, told, _OP),
        "/list_ids": Route(_POST, sets.ids, told),
        "/get_prompts": Route(_POST, sets.prompts, told),
        "/get_prompt_by_id": Route(_POST, sets.prompt, told),
        "/list_datasets": Route(("GET", "HEAD"), sets.names),
    }


async def _batch(service: Service, request: HttpRequest) -> Answer:
    asked = await _submission(request, by_id=False)
    return await _judged(service, asked, evaluated(service, asked, request.client))


async def _submission(request: HttpRequest, *, by_id: bool) -> Submission:
    def read(body: bytes) -> Submission:
        return submission(json_body(body), by_id=by_id)

    return await off_loop(len(request.body), read, request.body)


async def _judged(service: Service, asked: Submission, result: Awaitable[dict[str, Any]]) -> Answer:
    try:
        found = await result
    except BadInput as error:
        raise _named(error, asked.config) from None
    except SandboxError as error:
        service.judged(_OP, None, asked.completion, fault=error)
        raise
    return await off_loop(sum(map(_size, found["tests"])), json_answer, found)


def _size(test: dict[str, Any]) -> int:
    result = test["exec_info"]["run_result"] or {}
    return sum(len(result.get(stream) or "") for stream in ("stdout", "stderr"))


def _named(error: BadInput, config: Config) -> BadInput:
    """The error about a limit or the special judge, by the name that it has here, and with what stood there."""
    error = in_their_words(error, None)
    if error.field not in _FIELDS:
        return error
    field = _FIELDS[error.field]
    if field == "config.language" and config.language is None:
        return BadInput(f"{ROW}.language", error.value, error.message)
    return BadInput(field, getattr(config, field.removeprefix("config."), error.value), error.message)


class _DataSets:
    def __init__(self, data_sets: Mapping[str, DataSet]) -> None:
        self._sets = data_sets
        self._sound = Sound()

    async def names(self, service: Service, request: HttpRequest) -> Answer:
        return json_answer(list(self._sets))

    async def submit(self, service: Service, request: HttpRequest) -> Answer:
        asked = await _submission(request, by_id=True)
        kind, row = await self._row(asked.dataset, asked.id, asked.config)
        return await _judged(service, asked, submitted(service, asked, kind, row, request.client, self._sound))

    async def ids(self, service: Service, request: HttpRequest) -> Answer:
        page = await _read(request, Page)
        provided = page.config.provided_data
        if provided is None:
            return json_answer(self._named(page.dataset).ids(page.offset, page.limit))
        return json_answer([prompt["id"] for prompt in _provided_prompts(page, provided)])

    async def prompts(self, service: Service, request: HttpRequest) -> Answer:
        page = await _read(request, Page)
        if page.config.provided_data is None:
            return await off_loop(float("inf"), self._prompts, page, service.config.batch_bytes)
        return json_answer(_provided_prompts(page, page.config.provided_data))

    async def prompt(self, service: Service, request: HttpRequest) -> Answer:
        asked = await _read(request, One)
        kind, row = await self._row(asked.dataset, asked.id, asked.config)
        prompt = prompt_of(row, kind, asked.config, ROW)
        # The row's own, in the column that the data set says.
        return json_answer(prompt if asked.config.provided_data is not None else {**prompt, "id": asked.id})

    def _named(self, name: str) -> DataSet:
        if name not in self._sets:
            known = f"expected one of {', '.join(self._sets)}" if self._sets else "configure [rewards.data_sets.NAME]"
            raise BadInput("dataset", name, f"{known}, or send config.provided_data")
        return self._sets[name]

    async def _row(self, name: str, row_id: int | str, config: Config) -> tuple[Kind, dict[str, Any]]:
        row = config.provided_data
        if row is None:
            found = self._named(name)
            row = await off_loop(float("inf"), found.row, row_id)
            return found.kind(row), row
        if not isinstance(row, dict):
            raise BadInput(ROW, row, "expected a map: one row")
        return kind_of(row, config.dataset_type), row

    def _prompts(self, page: Page, most_bytes: int) -> Answer:
        found, prompts, size_bytes = self._named(page.dataset), [], 0
        for row_id in found.ids(page.offset, page.limit):
            row = found.row(row_id)
            prompt = {**prompt_of(row, found.kind(row), page.config, "row"), "id": row_id}
            prompts.append(prompt)
            size_bytes += len(str(prompt))
            if size_bytes > most_bytes:
                message = f"the prompts are more than {most_bytes} bytes (server.batch_bytes): ask for fewer at a time"
                raise BadInput("limit", page.limit, message)
        return json_answer(prompts)


async def _read(request: HttpRequest, kind: type[_T]) -> _T:
    def read(body: bytes) -> _T:
        return to_struct(json_body(body), kind, strict=False)

    return await off_loop(len(request.body), read, request.body)


def _provided_prompts(page: Page, rows: Any) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput(ROW, rows, "expected a list of maps: rows")
    return [
        prompt_of(row, kind_of(row, page.config.dataset_type), page.config, f"{ROW}[{index}]")
        for index, row in enumerate(rows)
    ]
