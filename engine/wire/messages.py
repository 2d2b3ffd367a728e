"""What goes over the wire: one schema for both faces, MessagePack frames and HTTP/JSON.

A frame is a u32 big-endian length and that many bytes of MessagePack, a map. A request is `{id, op, ...}` with the
fields of the struct of its `op`; its answer is `{id, answer}` or `{id, error: {kind, field, value, message}}`. Answers
come in any order. Bytes are bytes in MessagePack; JSON has them as text under their own name, or as base64 under
`NAME_base64` where they are not UTF-8 (a map of bytes splits in two likewise). Requests may use either on either face.
Values in call tests have a form of their own (engine.wire.values), the same on both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from engine.errors import AssayError, BadInput, Overloaded, SandboxError
from engine.program import Limits, Outcome, Program, check_argv
from engine.wire.bytes import with_bytes
from engine.wire.decode import to_struct

PROTOCOL_VERSION: Final = 1
DEFAULT_REQUEST_BYTES: Final = 32 << 20

RequestId = int | str
Op = Literal["hello", "run", "score", "cancel", "stats"]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all requests; an unknown field is refused."""


class Hello(Request, frozen=True, kw_only=True):
    """Names the protocol version that the client speaks, and the daemon's token where it has one."""

    version: int = PROTOCOL_VERSION
    token: str = ""


class Run(Request, frozen=True, kw_only=True):
    """Run one program, `source`, or what the root file system has already, `argv`; the fields are those of `Engine.run`
    with `Program`'s beside them, or those of `Engine.run_argv`.
    """

    source: str | None = None
    argv: tuple[str, ...] | None = None
    language: str = "python"
    files: dict[str, bytes] = {}
    image: str | None = None
    prelude: str | None = None
    warm: bool = True
    stdin: bytes = b""
    limits: Limits | None = None
    compile_limits: Limits | None = None
    collect: tuple[str, ...] = ()
    merge_stderr: bool = False
    deadline_seconds: float | None = None

    def __post_init__(self) -> None:
        check_deadline(self.deadline_seconds)
        if (self.source is None) == (self.argv is None):
            raise BadInput("source", self.source, "expected either source or argv")
        if self.argv is not None:
            check_argv(self.argv)
            if self.files:
                raise BadInput("files", list(self.files), "come with source, not with argv")
            if self.prelude is not None:
                raise BadInput("prelude", self.prelude, "comes with source, not with argv")

    @property
    def program(self) -> Program:
        """The program alone; its source is empty where there is an `argv`."""
        return Program(self.source or "", self.language, self.files, self.image, self.prelude, self.warm)

    @property
    def text(self) -> str:
        """What the program is known by in metrics."""
        return " ".join(self.argv) if self.argv is not None else self.source or ""


class Score(Request, frozen=True, kw_only=True):
    """Score one item, a map whose `kind` names the scorer."""

    item: dict[str, Any]
    deadline_seconds: float | None = None

    def __post_init__(self) -> None:
        check_deadline(self.deadline_seconds)


class RunBatch(Request, frozen=True, kw_only=True):
    """Run many: maps with the fields of `Run`, each of which has an answer or an error of its own.

    stream  answers come as they are there, `{id, index, answer}` or `{id, index, error}` each, and `{id, answer}` with
            their number at the end; else in order, in one list, an error as `{error}`
    """

    batch: list[Any]
    stream: bool = False


class ScoreBatch(Request, frozen=True, kw_only=True):
    """Score many items; `stream` as in `RunBatch`. A wrong item is refused before anything runs, and all with it."""

    batch: list[Any]
    stream: bool = False
    deadline_seconds: float | None = None

    def __post_init__(self) -> None:
        check_deadline(self.deadline_seconds)


class Cancel(Request, frozen=True, kw_only=True):
    """Kill what request `target` of this connection runs; that one is answered with an error of kind "cancelled"."""

    target: RequestId


class Stats(Request, frozen=True, kw_only=True):
    """Ask for counters."""


REQUESTS: Final[Mapping[str, type[Request]]] = {
    "hello": Hello,
    "run": Run,
    "score": Score,
    "cancel": Cancel,
    "stats": Stats,
}

_BATCHES: Final[Mapping[str, type[Request]]] = {"run": RunBatch, "score": ScoreBatch}

ErrorKind = Literal["bad_input", "overloaded", "sandbox", "cancelled"]


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """An error on the wire; `field` and `value` are empty where no field is to blame.

    retry_seconds  of one that is overloaded, where it is known: when there will be room again
    """

    kind: ErrorKind
    field: str = ""
    value: bool | int | float | str | None = None
    message: str = ""
    retry_seconds: float | msgspec.UnsetType = msgspec.UNSET


def check_batch(batch: list[Any], most: int, field: str) -> None:
    """Raises BadInput for more than `most`."""
    if len(batch) > most:
        raise BadInput(field, len(batch), f"more than the {most} of one batch (server.batch_items)")


def check_deadline(seconds: float | None) -> None:
    """Raises BadInput unless `seconds` is None or positive and finite."""
    if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
        raise BadInput("deadline_seconds", seconds, "expected a number above 0")


def request_from(
    op: str, fields: dict[str, Any], *, limits: Limits | None = None, compile_limits: Limits | None = None
) -> Request:
    """The request in a decoded map (without id and op); raises BadInput naming the field.

    limits, compile_limits  what stands for each limit that the request leaves out where it names others
    """
    kind = REQUESTS.get(op)
    if kind is None:
        raise BadInput("op", op, f"expected one of {', '.join(REQUESTS)}")
    if "batch" in fields and op in _BATCHES:
        return to_struct(fields, _BATCHES[op])
    if kind is Run:
        fields = with_bytes(fields, names=("stdin",), maps=("files",))
        for name, base in (("limits", limits), ("compile_limits", compile_limits)):
            if base is not None and isinstance(fields.get(name), dict):
                fields[name] = {**msgspec.structs.asdict(base), **fields[name]}
    return to_struct(fields, kind)


_OUTCOME_BYTES: Final = ("stdout", "stderr")


def outcome_to_wire(outcome: Outcome) -> dict[str, Any]:
    """The outcome as a map, with its `verdict`."""
    return {"verdict": outcome.verdict.value, **_outcome_fields(outcome)}


def _outcome_fields(outcome: Outcome) -> dict[str, Any]:
    fields = msgspec.structs.asdict(outcome)
    # It belongs to the drivers of function-call tests, which stay inside the daemon.
    del fields["channel"]
    compiled = fields.pop("compile")
    fields["compile"] = None if compiled is None else _outcome_fields(compiled)
    return fields


def outcome_from_wire(answer: dict[str, Any]) -> Outcome:
    """What `outcome_to_wire` made, after either face; raises BadInput if it is something else."""
    fields = with_bytes(answer, names=_OUTCOME_BYTES, maps=("files",))
    fields.pop("verdict", None)
    inner = fields.pop("compile", None)
    outcome = to_struct(fields, Outcome)
    return outcome if inner is None else msgspec.structs.replace(outcome, compile=outcome_from_wire(inner))


_SHOWN_CHARS: Final = 80


def error_body(error: AssayError) -> ErrorBody:
    """An error of the tree as it goes over the wire."""
    if isinstance(error, BadInput):
        return ErrorBody(kind="bad_input", field=error.field, value=_wire_value(error), message=error.message)
    if isinstance(error, Overloaded):
        seconds = msgspec.UNSET if error.retry_seconds is None else error.retry_seconds
        return ErrorBody(kind="overloaded", message=str(error), retry_seconds=seconds)
    return ErrorBody(kind="sandbox", message=str(error))


def _wire_value(error: BadInput) -> bool | int | float | str | None:
    value = error.value
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and -(2**63) <= value < 2**63):
        return value
    text = value[: _SHOWN_CHARS + 1] if isinstance(value, str) else error.shown_value
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 3] + "..."


def error_from_wire(body: ErrorBody) -> AssayError:
    """The exception that a client raises for an error on the wire."""
    if body.kind == "bad_input":
        return BadInput(body.field, body.value, body.message)
    if body.kind == "overloaded":
        seconds = None if body.retry_seconds is msgspec.UNSET else body.retry_seconds
        return Overloaded(body.message, retry_seconds=seconds)
    return SandboxError(body.message)
