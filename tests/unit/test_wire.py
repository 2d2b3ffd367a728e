from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import BadInput
from engine.wire.bytes import json_ready, with_bytes
from engine.wire.decode import decode_json, decode_msgpack, to_struct


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"a": {"b": ["x", "\\ud800"]}}', "a.b[1]"),
        (b'{"source": "\\udfff"}', "source"),
        (b'{"\\udfff": 1}', "request"),
        (b'"\\ud800"', "request"),
        (b'{"a": [NaN, 1e400]}', "a[1]"),
        (b'{"a": {"b": ' + b"9" * 4301 + b"}}", "a.b"),
        (b'{"a": NAN}', "body"),
        (b'{"a": NaN, }', "body"),
        (b"[NaN," * 100_000, "body"),
        (b"{", "body"),
        (b"\xff", "body"),
        (b"[" * 100_000, "body"),
        (b"1" * 10_000, "body"),
        (b"1e400", "body"),
    ],
)
def test_wrong_json_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        decode_json(body)
    assert caught.value.field == field
    assert len(str(caught.value)) < 400


def test_the_constants_of_pythons_json_are_read() -> None:
    values = [math.inf, -math.inf, 1.5, 10**30, "NaN"]
    assert decode_json(json.dumps(values).encode()) == values
    assert math.isnan(decode_json(b"[NaN]")[0])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"\x81\xa6source\xa3\xed\xa0\x80", "source"),
        (b"\x81\xa1a\x81\xa1b\xa2\xff\xfe", "a.b"),
        (b"\x91\xa2\xff\xfe", "frame"),
        (b"\x81\xa1a", "frame"),
        (b"\x01\x02", "frame"),
        (b"\xc1", "frame"),
        (b"\xdd\xff\xff\xff\xff\x01", "frame"),
        (b"\xdf\xff\xff\xff\xff\x01", "frame"),
        (b"\x91" * 100_000, "frame"),
        (b"\x81\x80\x01", "frame"),
    ],
)
def test_wrong_messagepack_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        decode_msgpack(body)
    assert caught.value.field == field
    assert len(str(caught.value)) < 400


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_bad_input(body: bytes) -> None:
    for decode in (decode_json, decode_msgpack):
        with contextlib.suppress(BadInput):
            decode(body)


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.seconds < 0:
            raise BadInput("inner.seconds", self.seconds, "expected a number above 0")


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: Inner = msgspec.field(default_factory=Inner)
    many: list[int] = []


@pytest.mark.parametrize(
    ("data", "field", "value", "message"),
    [
        ({}, "name", None, "required"),
        ({"name": 3}, "name", 3, "expected `str`, got `int`"),
        ({"name": "x", "nmae": 1}, "nmae", 1, "unknown field"),
        ({"name": "x", "inner": {"second": 2}}, "inner.second", 2, "unknown field"),
        ({"name": "x", "inner": {"seconds": "2"}}, "inner.seconds", "2", "expected `float`, got `str`"),
        ({"name": "x", "inner": {"seconds": -2}}, "inner.seconds", -2, "expected a number above 0"),
        ({"name": "x", "many": [1, 2, None]}, "many[2]", None, "expected `int`, got `null`"),
        ([], "request", [], "expected `object`, got `array`"),
    ],
)
def test_wrong_data_names_field_and_value(data: object, field: str, value: object, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        to_struct(data, Outer)
    assert (caught.value.field, caught.value.value, caught.value.message) == (field, value, message)


contents = st.binary(max_size=20) | st.text(max_size=20).map(str.encode)


@given(contents, st.dictionaries(st.text(max_size=5), contents, max_size=4))
def test_bytes_survive_json(stdin: bytes, files: dict[str, bytes]) -> None:
    sent = json_ready({"stdin": stdin, "files": files, "other": [1, {"deep": b"\xff"}]})
    got = with_bytes(decode_json(msgspec.json.encode(sent)), names=("stdin",), maps=("files",))
    assert got["stdin"] == stdin
    assert got["files"] == files
    assert got["other"] == [1, {"deep_base64": "/w=="}]


def test_utf8_is_text_and_the_rest_base64() -> None:
    sent: dict[str, Any] = {"stdout": "é".encode(), "stderr": b"\xff", "files": {"a": b"1", "b": b"\xfe"}}
    assert json_ready(sent) == {
        "stdout": "é",
        "stderr_base64": "/w==",
        "files": {"a": "1"},
        "files_base64": {"b": "/g=="},
    }


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"stdin": 3}, "stdin"),
        ({"stdin_base64": "!"}, "stdin_base64"),
        ({"stdin_base64": b"AAA="}, "stdin_base64"),
        ({"stdin": "", "stdin_base64": ""}, "stdin_base64"),
        ({"files": []}, "files"),
        ({"files": {"a": None}}, "files.a"),
        ({"files_base64": {"a": "!"}}, "files_base64.a"),
        ({"files_base64": None}, "files_base64"),
    ],
)
def test_wrong_bytes_name_the_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        with_bytes(fields, names=("stdin",), maps=("files",))
    assert caught.value.field == field
