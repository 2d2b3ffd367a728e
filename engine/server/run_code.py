"""`POST /run_code`, compatible with SandboxFusion: its clients switch by URL alone.

`memory_limit_MB` null is the default, where SandboxFusion has no answer; other differences are with the answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import BadInput, Overloaded, SandboxError
from engine.flow import off_loop
from engine.program import MIB, Limits, Outcome
from engine.server.answers import Answer, json_answer
from engine.server.decode import json_body
from engine.server.request import HttpRequest
from engine.server.routes import Route
from engine.server.run_result import not_judged, refused, run_answer, sandbox_error, told
from engine.server.sent_files import as_sent, fetched_of, files_of, sent_back
from engine.server.service import Service
from engine.wire.decode import to_struct
from engine.wire.messages import Run

# What passes their schema, so that it must not be 422; each is a name or an alias of ours, where we have it.
# fmt: off
_NAMES: Final = frozenset({
    "python", "cpp", "nodejs", "go", "go_test", "java", "php", "csharp", "bash", "typescript", "sql", "rust", "cuda",
    "lua", "R", "perl", "D_ut", "ruby", "scala", "julia", "pytest", "junit", "kotlin_script", "jest", "verilog",
    "python_gpu", "lean", "swift", "racket",
})
# fmt: on
# What a client allows beyond the two time-outs (verl), less what it takes for an answer to reach it.
_PATIENCE_SECONDS: Final = 10 - 1
# What a field of `Engine.run` is called here.
_FIELDS: Final = {
    "limits.cpu_seconds": "run_timeout",
    "limits.wall_seconds": "run_timeout",
    "limits.memory_bytes": "memory_limit_MB",
    "compile_limits.cpu_seconds": "compile_timeout",
    "compile_limits.wall_seconds": "compile_timeout",
    "source": "code",
    "collect": "fetch_files",
}


class RunCode(msgspec.Struct, frozen=True, kw_only=True):
    """Their request; numbers may be text, unknown fields are ignored."""

    code: str
    language: str
    compile_timeout: float = 10.0
    run_timeout: float = 10.0
    memory_limit_MB: int | None = -1  # noqa: N815 (their name)
    stdin: str | None = None
    files: dict[str, Any] = {}
    fetch_files: tuple[str, ...] = ()


async def run_code(service: Service, request: HttpRequest) -> Answer:
    """Answer one request; only BadInput, Overloaded and SandboxError are not status 200."""
    asked = None
    try:
        asked = await off_loop(len(request.body), _asked, request.body)
        fetched = fetched_of(asked.fetch_files)
        check_language(asked.language)
        wanted = _run_of(asked, fetched, service)
        outcome = await service.run(wanted, client=request.client, op="run_code")
    except BadInput as error:
        # Their languages are told apart by their schema alone; the rest is the answer of a runner.
        if error.field == "language" and error.value in _NAMES:
            return json_answer(sandbox_error(f"language {error.value!r} does not run here: {error.message}"))
        return refused(in_their_words(error, asked))
    except (Overloaded, SandboxError) as error:
        return not_judged(error)
    return await off_loop(outcome.size_bytes, _answered, outcome, fetched)


ROUTES: Final[Mapping[str, Route]] = {"/run_code": Route(("POST",), run_code, told)}


def _asked(body: bytes) -> RunCode:
    return to_struct(json_body(body), RunCode, strict=False)


def check_language(word: str, field: str = "language") -> None:
    """Raises BadInput for a language that is none of theirs."""
    if word not in _NAMES:
        raise BadInput(field, word, f"expected one of {', '.join(sorted(_NAMES))}")


def limits_of(
    service: Service, run_timeout: float, compile_timeout: float, memory_limit_mb: int | None
) -> tuple[Limits, Limits]:
    """Those of the program and of its compiler; raises BadInput by the fields' names here."""
    run = Limits(
        cpu_seconds=_seconds("run_timeout", run_timeout),
        wall_seconds=run_timeout,
        memory_bytes=_memory_bytes(service, memory_limit_mb),
        output_bytes=service.config.run_code_output_bytes,
    )
    compile_limits = msgspec.structs.replace(
        service.engine_config.compile_limits,
        cpu_seconds=_seconds("compile_timeout", compile_timeout),
        wall_seconds=compile_timeout,
    )
    return run, compile_limits


def patience_of(service: Service, seconds: float) -> float:
    """Time in the queue of a request whose client expects an answer after about `seconds` of work."""
    return service.config.run_code_queue_seconds or seconds + _PATIENCE_SECONDS


def in_their_words(error: BadInput, asked: object) -> BadInput:
    """The error about a field of the engine's, with the name that it has in the request `asked`, and what stood there.

    asked  None where it could not be read; the error is about its fields already
    """
    field = _FIELDS.get(error.field)
    if field is not None:
        return BadInput(field, getattr(asked, field, error.value), error.message)
    return as_sent(error, getattr(asked, "files", {}))


def _run_of(asked: RunCode, fetched: dict[str, str], service: Service) -> Run:
    run_limits, compile_limits = limits_of(service, asked.run_timeout, asked.compile_timeout, asked.memory_limit_MB)
    return Run(
        source=asked.code,
        language=asked.language,
        files=files_of(asked.files),
        stdin=(asked.stdin or "").encode(),
        limits=run_limits,
        compile_limits=compile_limits,
        collect=tuple(fetched.values()),
        deadline_seconds=patience_of(service, asked.compile_timeout + asked.run_timeout),
    )


def _seconds(field: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise BadInput(field, value, "expected a number above 0")
    return value


def _memory_bytes(service: Service, mib: int | None) -> int:
    return mib * MIB if mib is not None and mib > 0 else service.config.run_code_memory_bytes


def _answered(outcome: Outcome, fetched: dict[str, str]) -> Answer:
    return json_answer(run_answer(outcome, sent_back(fetched, outcome.files)))
