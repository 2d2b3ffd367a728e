"""`POST /run_code`, compatible with SandboxFusion: its clients switch by URL alone.

Differences, each where SandboxFusion has no answer: output past the cap is return code -25 (SIGXFSZ) and "Failed";
`memory_limit_MB` null is the default; a fault of ours is 504, which verl retries; files are placed below /work only.
"""

from __future__ import annotations

import base64
import binascii
import logging
import posixpath
import signal
from typing import Any, Final

import msgspec

from engine.errors import BadInput, Overloaded, SandboxError
from engine.flow import off_loop
from engine.program import MIB, Limits, Outcome
from engine.proof.selftest import summary
from engine.server.answers import Answer, json_answer, status_of
from engine.server.decode import json_body
from engine.server.request import HttpRequest
from engine.server.service import Service
from engine.wire.decode import to_struct
from engine.wire.messages import Run, error_body

log = logging.getLogger("assay.server")

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
_IGNORED: Final = "IGNORE_THIS_FILE"
_WORK: Final = "/work"
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
    try:
        asked = await off_loop(len(request.body), _asked, request.body)
        if asked.language not in _NAMES:
            raise BadInput("language", asked.language, f"expected one of {', '.join(sorted(_NAMES))}")
        wanted = _run_of(asked, service)
        outcome = await service.run(wanted, client=request.client, op="run_code")
    except BadInput as error:
        # Their languages are told apart by their schema alone; the rest is the answer of a runner.
        if error.field == "language" and isinstance(error.value, str) and error.value in _NAMES:
            return json_answer(_does_not_run(error))
        return _refused(error, request.id)
    except (Overloaded, SandboxError) as error:
        log.info("request=%s %s", request.id, error)
        return json_answer({"error": error_body(error), "detail": str(error)}, 504)
    return await off_loop(outcome.size_bytes, _answered, outcome)


def _asked(body: bytes) -> RunCode:
    return to_struct(json_body(body), RunCode, strict=False)


def _refused(error: BadInput, request_id: str) -> Answer:
    body = error_body(BadInput(_FIELDS.get(error.field, error.field), error.value, error.message))
    log.info("request=%s refused: %s", request_id, error)
    detail = {"type": "value_error", "loc": ["body", body.field], "msg": body.message, "input": body.value}
    return json_answer({"detail": [detail], "error": body}, status_of(error))


def _does_not_run(error: BadInput) -> dict[str, Any]:
    return {
        "status": "SandboxError",
        "message": f"language {error.value!r} does not run here: {error.message}",
        "compile_result": None,
        "run_result": None,
        "executor_pod_name": None,
        "files": {},
    }


def _run_of(asked: RunCode, service: Service) -> Run:
    memory = asked.memory_limit_MB
    config = service.config
    return Run(
        source=asked.code,
        language=asked.language,
        files=dict(_file(name, value) for name, value in asked.files.items() if _is_sent(name, value)),
        stdin=(asked.stdin or "").encode(),
        limits=Limits(
            cpu_seconds=_seconds("run_timeout", asked.run_timeout),
            wall_seconds=asked.run_timeout,
            memory_bytes=memory * MIB if memory is not None and memory > 0 else config.run_code_memory_bytes,
            output_bytes=config.run_code_output_bytes,
        ),
        compile_limits=msgspec.structs.replace(
            service.engine_config.compile_limits,
            cpu_seconds=_seconds("compile_timeout", asked.compile_timeout),
            wall_seconds=asked.compile_timeout,
        ),
        collect=tuple(name for name in asked.fetch_files if _IGNORED not in name),
        deadline_seconds=config.run_code_queue_seconds or asked.compile_timeout + asked.run_timeout + _PATIENCE_SECONDS,
    )


def _seconds(field: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise BadInput(field, value, "expected a number above 0")
    return value


def _is_sent(name: str, value: object) -> bool:
    return _IGNORED not in name and isinstance(value, str)


def _file(name: str, value: str) -> tuple[str, bytes]:
    path = posixpath.normpath(posixpath.join(_WORK, name))
    if not path.startswith(f"{_WORK}/"):
        raise BadInput(f"files.{name}", name, f"expected a path below {_WORK}, or one relative to it without '..'")
    try:
        # Lines of it may be broken, as in mails.
        return path[len(_WORK) + 1 :], base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(f"files.{name}", value, f"not base64: {error}") from None


def _answered(outcome: Outcome) -> Answer:
    return json_answer(_answer(outcome))


def _answer(outcome: Outcome) -> dict[str, Any]:
    compiled = None if outcome.compile is None else _result(outcome.compile)
    ran = None if outcome.compile is not None and not outcome.compile.clean else _result(outcome)
    results = [result for result in (compiled, ran) if result is not None]
    return {
        "status": "Success" if all(result["return_code"] == 0 for result in results) else "Failed",
        "message": summary(outcome.not_enforced) if outcome.not_enforced else "",
        "compile_result": compiled,
        "run_result": ran,
        "executor_pod_name": None,
        "files": {name: base64.b64encode(content).decode() for name, content in outcome.files.items()},
    }


def _result(outcome: Outcome) -> dict[str, Any]:
    timed_out = outcome.stopped_by in ("cpu", "wall")
    return {
        "status": "TimeLimitExceeded" if timed_out else "Finished",
        "execution_time": outcome.wall_seconds,
        "return_code": None if timed_out else _return_code(outcome),
        "stdout": _text(outcome.stdout),
        "stderr": _text(outcome.stderr),
    }


def _return_code(outcome: Outcome) -> int:
    if outcome.stopped_by == "output" or outcome.stdout_truncated:
        return -signal.SIGXFSZ
    if outcome.signal is not None:
        return -outcome.signal
    return outcome.exit_code if outcome.exit_code is not None else -signal.SIGKILL


def _text(output: bytes) -> str:
    try:
        return output.decode()
    except UnicodeDecodeError as error:
        return f"[DecodeError] {error}"
