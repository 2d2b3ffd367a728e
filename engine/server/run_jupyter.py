"""`POST /run_jupyter`, compatible with SandboxFusion: cells in one kernel of Jupyter's, in one slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from engine.errors import BadInput, SandboxError
from engine.flow import off_loop
from engine.harness.kinds import Notebook, NotebookRun
from engine.server.answers import Answer, json_answer
from engine.server.decode import json_body
from engine.server.request import HttpRequest
from engine.server.routes import Route
from engine.server.run_code import in_their_words, limits_of, patience_of
from engine.server.run_result import run_result, told
from engine.server.sent_files import fetched_of, files_of, sent_back
from engine.server.service import Service
from engine.wire.decode import to_struct

# For the kernel's start and end, as theirs.
_BESIDE_CELLS_SECONDS: Final = 10.0
_OP: Final = "run_jupyter"


class RunJupyter(msgspec.Struct, frozen=True, kw_only=True):
    """Their request; numbers may be text, unknown fields are ignored."""

    cells: tuple[str, ...]
    cell_timeout: float = 0.0
    total_timeout: float = 45.0
    memory_limit_MB: int | None = -1  # noqa: N815 (their name)
    kernel: Literal["python3"] = "python3"
    files: dict[str, Any] = {}
    fetch_files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.total_timeout < float("inf"):
            raise BadInput("total_timeout", self.total_timeout, "expected a number above 0")
        if not 0 <= self.cell_timeout < float("inf"):
            raise BadInput("cell_timeout", self.cell_timeout, "expected a number, 0 for no limit")


async def run_jupyter(service: Service, request: HttpRequest) -> Answer:
    """Answer one request; raises BadInput, Overloaded, SandboxError."""
    asked = None
    try:
        asked = await off_loop(len(request.body), _asked, request.body)
        fetched = fetched_of(asked.fetch_files)
        run = await _run(service, asked, fetched, request.client)
    except BadInput as error:
        error = in_their_words(error, asked)
        if error.field == "run_timeout" and asked is not None:
            message = f"{error.message}, of which {_BESIDE_CELLS_SECONDS:g} s are for the kernel's start and end"
            error = BadInput("total_timeout", asked.total_timeout, message)
        raise error from None
    return await off_loop(run.outcome.size_bytes + len(run.outcome.channel), _answered, run, fetched)


ROUTES: Final[Mapping[str, Route]] = {"/run_jupyter": Route(("POST",), run_jupyter, told, _OP)}


async def _run(service: Service, asked: RunJupyter, fetched: dict[str, str], client: str) -> NotebookRun:
    seconds = asked.total_timeout + _BESIDE_CELLS_SECONDS
    limits, _ = limits_of(service, seconds, seconds, asked.memory_limit_MB)
    notebook = Notebook(
        cells=asked.cells,
        cell_seconds=asked.cell_timeout,
        total_seconds=asked.total_timeout,
        files=files_of(asked.files),
        image=service.config.run_jupyter_image,
    )
    text = "\n".join(asked.cells)
    try:
        run = await service.engine.notebook(
            notebook,
            limits,
            collect=tuple(fetched.values()),
            deadline_seconds=patience_of(service, seconds),
            client=client,
        )
    except SandboxError as error:
        service.judged(_OP, None, text, fault=error)
        raise
    service.judged(_OP, run.outcome.verdict.value, text)
    return run


def _asked(body: bytes) -> RunJupyter:
    return to_struct(json_body(body), RunJupyter, strict=False)


def _answered(run: NotebookRun, fetched: dict[str, str]) -> Answer:
    driver = run_result(run.outcome)
    if run.timed_out:
        driver |= {"status": "TimeLimitExceeded", "return_code": None}
    answer = {
        "status": "Failed" if run.cells is None else "Success",
        "message": "",
        "driver": driver,
        "cells": run.cells or [],
        "executor_pod_name": None,
        "files": sent_back(fetched, run.outcome.files),
    }
    if run.missing is not None:
        install = "apt-get install python3-ipykernel, or pip install ipykernel, for the Python that programs run with"
        answer |= {"status": "SandboxError", "message": f"no notebooks here, {run.missing}: {install}"}
    return json_answer(answer)
