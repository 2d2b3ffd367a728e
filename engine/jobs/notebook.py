"""A notebook: cells that run one after the other in one kernel, in one slot."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.errors import SandboxError
from engine.harness.bundle import bundle
from engine.harness.channel import DRIVEN_LANGUAGE, DRIVER, DRIVER_ARGUMENTS
from engine.harness.kinds import Notebook, NotebookCell, NotebookRun
from engine.harness.plain import HEADER_BYTES
from engine.jobs.files import files_alone, with_room
from engine.pool.images import Image
from engine.pool.job import Job
from engine.program import Limits, Outcome

_DRIVER = ("frames", "notebook")


class _Said(msgspec.Struct, frozen=True):
    cells: list[NotebookCell] | None = None
    timed_out: bool = False
    missing: str | None = None
    unready: str | None = None


def notebook_job(notebook: Notebook, image: Image, limits: Limits, collect: Sequence[str]) -> Job:
    """The run of it; raises BadInput for files that cannot be written, or where there is no Python."""
    python = image.language(DRIVEN_LANGUAGE)
    files = files_alone(notebook.files, limits)
    driver = [(DRIVER, bundle(*_DRIVER), 0o444)]
    asked = msgspec.json.encode(
        {"cells": notebook.cells, "cell_timeout": notebook.cell_seconds, "total_timeout": notebook.total_seconds}
    )
    return image.job(
        (python.run[0], *DRIVER_ARGUMENTS),
        with_room(limits, files, driver),
        files=(*files, *driver),
        collect=collect,
        channel=len(asked).to_bytes(HEADER_BYTES, "big") + asked,
    )


def notebook_run(outcome: Outcome) -> NotebookRun:
    """What its one frame says; one that is none says nothing. Raises SandboxError where no kernel came up."""
    if not outcome.clean:
        return NotebookRun(outcome=outcome)
    header, content = outcome.channel[:HEADER_BYTES], outcome.channel[HEADER_BYTES:]
    if int.from_bytes(header, "big") > len(content):
        # It had ended by itself before it could be stopped for what it gave.
        return NotebookRun(outcome=msgspec.structs.replace(outcome, stopped_by="output"))
    try:
        said = msgspec.json.decode(content, type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NotebookRun(outcome=outcome)
    # At the memory limit it is the request's doing.
    if said.unready is not None and not outcome.oom_kills:
        raise SandboxError(f"the notebook's kernel did not come up: {said.unready}")
    return NotebookRun(outcome=outcome, cells=said.cells, timed_out=said.timed_out, missing=said.missing)
