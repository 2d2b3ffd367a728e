from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from engine import BadInput, Limits, Outcome, Overloaded, SandboxError
from engine.errors import AssayError
from engine.wire.bytes import json_ready
from engine.wire.decode import decode_json, decode_msgpack
from engine.wire.messages import Run, error_body, error_from_wire, outcome_from_wire, outcome_to_wire, request_from


@pytest.mark.parametrize(
    ("op", "fields", "field"),
    [
        ("walk", {}, "op"),
        ("run", {}, "source"),
        ("run", {"source": 1}, "source"),
        ("run", {"source": "x", "argv": ["/usr/bin/true"]}, "source"),
        ("run", {"argv": []}, "argv"),
        ("run", {"argv": ["true"]}, "argv"),
        ("run", {"argv": ["/usr/bin/echo", "a\0b"]}, "argv[1]"),
        ("run", {"argv": ["/usr/bin/true"], "files": {"a": b""}}, "files"),
        ("run", {"source": "x", "langauge": "c"}, "langauge"),
        ("run", {"source": "x", "limits": {"cpu_seconds": -1}}, "limits.cpu_seconds"),
        ("run", {"source": "x", "limits": {"cpu_seconds": float("nan")}}, "limits.cpu_seconds"),
        ("run", {"source": "x", "limits": {"memory_bytes": 512}}, "limits.memory_bytes"),
        ("run", {"source": "x", "limits": {"memory": 1}}, "limits.memory"),
        ("run", {"source": "x", "limits": {"processes": "many"}}, "limits.processes"),
        ("run", {"source": "x", "collect": ["a", 3]}, "collect[1]"),
        ("run", {"source": "x", "files": {"a.txt": 3}}, "files.a.txt"),
        ("run", {"source": "x", "deadline_seconds": 0}, "deadline_seconds"),
        ("score", {}, "item"),
        ("score", {"item": [], "deadline_seconds": 1}, "item"),
        ("score", {"item": {}, "deadline_seconds": float("inf")}, "deadline_seconds"),
        ("cancel", {"target": None}, "target"),
        ("hello", {"version": "1"}, "version"),
        ("stats", {"all": True}, "all"),
    ],
)
def test_a_wrong_request_names_the_field(op: str, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        request_from(op, fields)
    assert caught.value.field == field


def test_a_run_is_the_same_from_either_face() -> None:
    wanted = Run(
        source="print(1)",
        files={"a": b"text", "b": b"\xff"},
        stdin=b"\x00\xff",
        limits=Limits(cpu_seconds=2),
        collect=("out",),
    )
    fields = msgspec.to_builtins(wanted, builtin_types=(bytes,))
    assert request_from("run", decode_msgpack(msgspec.msgpack.encode(fields))) == wanted
    assert request_from("run", decode_json(msgspec.json.encode(json_ready(fields)))) == wanted


def test_an_outcome_is_the_same_after_either_face() -> None:
    outcome = Outcome(
        exit_code=0,
        cpu_seconds=0.25,
        stdout=b"\xff",
        stderr=b"text",
        files={"a": b"1", "b": b"\xff"},
        compile=Outcome(exit_code=0, stderr=b"\xfe"),
    )
    wire = outcome_to_wire(outcome)
    assert wire["verdict"] == "ACCEPTED"
    assert outcome_from_wire(decode_msgpack(msgspec.msgpack.encode(wire))) == outcome
    assert outcome_from_wire(decode_json(msgspec.json.encode(json_ready(wire)))) == outcome


@pytest.mark.parametrize(
    "error",
    [
        BadInput("limits.cpu_seconds", -1, "expected a number above 0"),
        BadInput("source", None, "required"),
        BadInput("language", "cobol", "expected one of c"),
        Overloaded("the queue is full"),
        SandboxError("the supervisor was lost"),
    ],
)
def test_an_error_is_the_same_on_the_other_side(error: AssayError) -> None:
    got = error_from_wire(error_body(error))
    assert type(got) is type(error)
    assert str(got) == str(error)


@pytest.mark.parametrize(
    "value", ["x" * 100_000, b"\xff" * 100_000, list(range(100_000)), 10**4000, "\ud800"], ids=type
)
def test_a_value_on_the_wire_is_short_and_encodable(value: object) -> None:
    body = error_body(BadInput("field", value, "wrong"))
    assert len(msgspec.json.encode(body)) < 300
    assert msgspec.msgpack.encode(body)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    [10**5000, [10**5000], {10**5000: -(10**5000)}, nested(5000), Unshowable(), [0] * 10**7],
    ids=["integer", "list", "dict", "nested", "unshowable", "long"],
)
def test_any_wrong_value_can_be_shown(value: object) -> None:
    started = time.process_time()
    error = BadInput("field", value, "wrong")
    assert len(str(error)) < 200
    body = error_body(error)
    assert isinstance(body.value, str)
    assert len(body.value) <= 80
    assert time.process_time() - started < 0.5
