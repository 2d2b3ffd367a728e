"""How a run looks in SandboxFusion's answers, and the errors beside it.

Differences, each where SandboxFusion has no answer: output past the cap is return code -25 (SIGXFSZ) and "Failed";
a fault of ours is 504, which verl retries.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Mapping
from typing import Any

from engine.errors import AssayError, BadInput, Overloaded
from engine.program import Outcome
from engine.proof.selftest import summary
from engine.server.answers import Answer, json_answer, status_of
from engine.wire.messages import error_body

log = logging.getLogger("assay.server")


def run_answer(outcome: Outcome, files: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The reply of `/run_code`; `files` are those that were fetched, in base64."""
    compiled = None if outcome.compile is None else run_result(outcome.compile)
    ran = None if outcome.compile is not None and not outcome.compile.clean else run_result(outcome)
    results = [result for result in (compiled, ran) if result is not None]
    return {
        "status": "Success" if all(result["return_code"] == 0 for result in results) else "Failed",
        "message": summary(outcome.not_enforced) if outcome.not_enforced else "",
        "compile_result": compiled,
        "run_result": ran,
        "executor_pod_name": None,
        "files": dict(files or {}),
    }


def run_result(outcome: Outcome) -> dict[str, Any]:
    """One command of it."""
    timed_out = outcome.stopped_by in ("cpu", "wall")
    return {
        "status": "TimeLimitExceeded" if timed_out else "Finished",
        "execution_time": outcome.wall_seconds,
        "return_code": None if timed_out else _return_code(outcome),
        "stdout": text_of(outcome.stdout),
        "stderr": text_of(outcome.stderr),
    }


def sandbox_error(message: str) -> dict[str, Any]:
    """The reply where nothing could be run at all."""
    return {
        "status": "SandboxError",
        "message": message,
        "compile_result": None,
        "run_result": None,
        "executor_pod_name": None,
        "files": {},
    }


def _return_code(outcome: Outcome) -> int:
    if outcome.stopped_by == "output" or outcome.stdout_truncated:
        return -signal.SIGXFSZ
    if outcome.signal is not None:
        return -outcome.signal
    return outcome.exit_code if outcome.exit_code is not None else -signal.SIGKILL


def text_of(output: bytes) -> str:
    """Output that is no text is replaced whole, as theirs."""
    try:
        return output.decode()
    except UnicodeDecodeError as error:
        return f"[DecodeError] {error}"


def refused(error: BadInput) -> Answer:
    """422 with FastAPI's `detail` list, and our own `error` beside it."""
    body = error_body(error)
    log.info("refused: %s", error)
    detail = {"type": "value_error", "loc": ["body", body.field], "msg": body.message, "input": body.value}
    return json_answer({"detail": [detail], "error": body}, status_of(error))


def told(error: AssayError) -> Answer:
    """What is wrong with a request, or that it was not judged."""
    return refused(error) if isinstance(error, BadInput) else not_judged(error)


def not_judged(error: AssayError) -> Answer:
    """504: the only status at which verl asks again."""
    log.info("%s", error)
    answer = json_answer({"error": error_body(error), "detail": str(error)}, 504)
    answer.retry_seconds = error.retry_seconds if isinstance(error, Overloaded) else None
    return answer
