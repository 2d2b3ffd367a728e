"""What a client makes of an item before it is sent, and what it does about one that cannot be."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given

from engine import BadInput, Client, Limits
from engine.wire.frames import encode_frame
from engine.wire.items import item_to_wire
from rewards import NotJudged, RewardClient, WrongItem
from rewards.code.cases import CallCase
from rewards.code.item import code_item
from tests.support.plain_data import plain_data, shape
from tests.unit.test_values import item_form, loop


def call(**fields: Any) -> dict[str, Any]:
    return {"kind": "code", "completion": "x", "tests": [{"call": "f", "arguments": [], "expected": None, **fields}]}


@given(plain_data(), plain_data())
def test_an_item_means_the_same_before_and_after_either_wire(argument: Any, expected: Any) -> None:
    item = call(arguments=[item_form(argument)], expected=item_form(expected))
    for wire, text_only in ((msgspec.msgpack, False), (msgspec.json, True)):
        arrived = wire.decode(wire.encode(item_to_wire(item, text_only=text_only)))
        for each in (item, arrived):
            [case] = code_item(each).tests
            assert isinstance(case, CallCase)
            assert shape(case.arguments) == shape([argument])
            assert shape(case.expected) == shape(expected)


def test_plain_values_are_not_copied() -> None:
    argument, expected = [[1, 2.5]], {"a": ["b"]}
    [test] = item_to_wire(call(arguments=[argument], expected=expected), text_only=True)["tests"]
    assert test["arguments"][0] is argument
    assert test["expected"] is expected


def test_the_rest_of_an_item_goes_as_it_is() -> None:
    item = {
        "kind": "code",
        "id": 2**64 - 1,
        "limits": Limits(cpu_seconds=2),
        "tests": ({"stdin": b"\xff", "expected": b"a"}, {"asserts": "assert 1"}, {"call": "f", "other": [None]}, "?"),
        "own": [1.5, {"deep": True}],
    }
    sent = item_to_wire(item, text_only=False)
    assert sent["tests"] == [*item["tests"]]  # type: ignore[misc]
    assert sent["limits"] == msgspec.to_builtins(item["limits"])
    assert sent["own"] == item["own"]
    assert item_to_wire(item, text_only=True)["tests"][0] == {"stdin_base64": "/w==", "expected_base64": "YQ=="}


WRONG: list[tuple[Any, str]] = [
    ([], "item"),
    ({1: 2}, "item"),
    ({"id": 2**64}, "id"),
    ({"id": -(2**63) - 1}, "id"),
    ({"limits": {"cpu_seconds": math.inf}}, "limits.cpu_seconds"),
    ({"checker": {"floats": {"relative": math.nan}}}, "checker.floats.relative"),
    ({"completion": "\ud800"}, "completion"),
    ({"own": [{"a": {1, 2}}]}, "own[0].a"),
    ({"own": [b"bytes"]}, "own[0]"),
    ({"own": loop()}, "own[0][0]"),
    ({"own": {"a": {3: 4}}}, "own.a"),
    ({"tests": {1: 2}}, "tests"),
    ({"tests": [{"stdin": "\ud800"}]}, "tests[0].stdin"),
    ({"tests": [{"stdin": object(), "expected": ""}]}, "tests[0].stdin"),
    ({"tests": [Limits()]}, "tests[0]"),
    ({"tests": [{"call": "f", "arguments": iter([1])}]}, "tests[0].arguments"),
    ({"tests": [{}, {"call": "f", "arguments": [1, [object()]]}]}, "tests[1].arguments[1][0]"),
    ({"tests": [{"call": "f", "expected": {"a": (1, "\udfff")}}]}, "tests[0].expected.a[1]"),
    ({"tests": [{"call": "f", "expected": {"$ref": 1}}]}, "tests[0].expected"),
    ({"tests": [{"call": {1}, "expected": 1}]}, "tests[0].call"),
]


@pytest.mark.parametrize(("item", "field"), WRONG)
def test_what_no_wire_can_carry_is_refused_by_name(item: Any, field: str) -> None:
    for text_only in (False, True):
        with pytest.raises(BadInput) as caught:
            item_to_wire(item, text_only=text_only)
        assert caught.value.field.startswith(field)
        assert len(str(caught.value)) < 400


def test_bytes_and_their_base64_are_not_both_sent() -> None:
    with pytest.raises(BadInput, match="given twice"):
        item_to_wire({"tests": [{"stdin": b"a", "stdin_base64": "YQ=="}]}, text_only=True)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"id": 1, "a": [0, {"b": 2**64}]}, "a[1].b"),
        ({"a": {"b": 1j}}, "a.b"),
        ({"a": (1, object())}, "a[1]"),
        ({"a": {object(): 1}}, "a"),
        ({"a": {10**5000: 1}}, "a"),
        ({"a": ["\ud800"]}, "a[0]"),
        ({"a": {"\ud800"}}, "a[0]"),
        (loop(), "frame"),
        (2**64, "frame"),
    ],
)
def test_a_frame_that_cannot_be_written_names_the_field(message: object, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        encode_frame(message)
    assert caught.value.field == field
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("address", ["unix:///nowhere/assay.sock", "http://127.0.0.1:1"])
async def test_a_wrong_item_is_refused_before_there_is_a_connection(address: str) -> None:
    async with RewardClient(address) as client:
        assert isinstance(await client.score(call()), NotJudged)
        with pytest.raises(BadInput) as caught:
            await client.score(call(expected=object()))
        assert caught.value.field == "tests[0].expected"
        with pytest.raises(BadInput) as caught:
            async for _ in client.stream([call(expected=object())]):
                pass
        assert caught.value.field == "[0].tests[0].expected"
        with pytest.raises(WrongItem) as wrong:
            await client.score_many([call(), call(), call(expected=[iter(())])], in_flight=1)
        assert wrong.value.field == "[2].tests[0].expected[0]"
        assert wrong.value.rewards.keys() == {0, 1}


async def test_answers_that_are_there_come_before_a_wrong_item_ends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    release = asyncio.Event()

    async def score(self: Client, item: dict[str, Any], *, deadline_seconds: float | None = None) -> dict[str, Any]:
        if item["id"] == 9:
            release.set()
        await release.wait()
        if item["id"] == 0:
            raise BadInput("kind", None, "wrong")
        return {"reward": None, "not_judged": "no"}

    monkeypatch.setattr(Client, "score", score)
    async with RewardClient(f"unix://{tmp_path}/none.sock") as client:
        with pytest.raises(WrongItem) as caught:
            await client.score_many([{"id": number} for number in range(10)])
    assert caught.value.field == "[0].kind"
    assert caught.value.rewards == {number: NotJudged("no") for number in range(1, 10)}


@pytest.mark.parametrize("where", [item_to_wire, lambda item, text_only: code_item(item)])
def test_deep_stacks_end_in_bad_input(where: Callable[..., Any]) -> None:
    value: Any = 1
    for _ in range(200):
        value = (value,)

    def deep(levels: int) -> object:
        return deep(levels - 1) if levels else where(call(expected=value), text_only=True)

    with pytest.raises(BadInput, match="nested too deeply"):
        deep(700)


@pytest.mark.parametrize("test", [{"stdin": "\ud800", "expected": ""}, {"expected": "\ud800"}])
def test_text_that_is_not_unicode_is_named_without_a_wire_too(test: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="lone surrogates") as caught:
        code_item({"completion": "x", "tests": [test]})
    assert caught.value.field == f"tests[0].{next(iter(test))}"
