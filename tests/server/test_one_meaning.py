"""What a test means does not depend on the way in: Python, socket, HTTP, a file with a daemon and without."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine import BadInput
from engine.wire.items import item_to_wire
from engine.wire.tagging import tagged
from engine.wire.values import untagged
from rewards import CodeReward, NotJudged, Reward, RewardClient, WrongItem
from rewards.code.checkers import same_value
from tests.server.conftest import ASSAY, Daemon, StartDaemon
from tests.support.plain_data import plain_data
from tests.support.runtimes import NewEngine, no_slot_in_it
from tests.unit.test_values import item_form

pytestmark = [pytest.mark.kernel, pytest.mark.server, no_slot_in_it]

KINDS = """
def kinds(x):
    if isinstance(x, (list, tuple)):
        return [type(x).__name__, list(map(kinds, x))]
    if isinstance(x, (set, frozenset)):
        return [type(x).__name__, sorted(map(repr, map(kinds, x)))]
    if isinstance(x, dict):
        return ["dict", [[kinds(key), kinds(each)] for key, each in x.items()]]
    return type(x).__name__
"""
IDENTITY = f"```python\n{KINDS}\ndef f(x):\n    return x, kinds(x)\n```"
known: dict[str, Any] = {}
exec(KINDS, known)


def lossy(value: Any) -> Any:
    """What a careless wire makes of a value."""
    match value:
        case bytes():
            return value.decode("latin-1")
        case float():
            return value if math.isfinite(value) else None
        case complex():
            return [lossy(value.real), lossy(value.imag)]
        case bool() | None | str():
            return value
        case int():
            return value if abs(value) < 1 << 63 else float(value)
        case dict():
            return {key if isinstance(key, str) else str(lossy(key)): lossy(each) for key, each in value.items()}
        case _:
            return [lossy(each) for each in value]


def otherwise(value: Any) -> list[Any]:
    """Other values than this one, as a rule."""
    swapped: Any = list(value) if isinstance(value, set | frozenset) else {1}
    return [lossy(value), swapped, [value, 0], None]


@st.composite
def pairs_of_values(draw: st.DrawFn) -> tuple[Any, Any]:
    """An argument and what is expected back."""
    value = draw(plain_data())
    return value, draw(st.sampled_from([value, value, *otherwise(value)]))


def item_of(value: Any, expected: Any, number: int) -> dict[str, Any]:
    wanted = (item_form(expected), known["kinds"](value))
    return {
        "id": number,
        "kind": "code",
        "completion": IDENTITY,
        "tests": [{"call": "f", "arguments": [item_form(value)], "expected": wanted}],
    }


def as_line(item: dict[str, Any]) -> bytes:
    return msgspec.json.encode(item_to_wire(item, text_only=True)) + b"\n"


def of_file(items: list[dict[str, Any]], path: Path, *place: str) -> list[float | None]:
    path.write_bytes(b"".join(map(as_line, items)))
    done = subprocess.run([*ASSAY, "score", str(path), "-o", "-", *place], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["reward"] for line in done.stdout.splitlines()]


def of_reward(reward: Reward | NotJudged) -> float | None:
    assert isinstance(reward, Reward), reward
    return reward.reward


def every_way(items: list[dict[str, Any]], daemon: Daemon, path: Path, new_engine: NewEngine) -> dict[str, Any]:
    async def in_process() -> list[float | None]:
        async with new_engine(slots=2) as engine:
            return [of_reward(await CodeReward(engine).score(item)) for item in items]

    def of_client(address: str | None) -> list[float | None]:
        with RewardClient.sync(address) as client:
            return [of_reward(reward) for reward in client.score_many(items)]

    def posted(item: dict[str, Any]) -> Any:
        return daemon.post("/v1/score", as_line(item))[1]["reward"]

    def framed() -> list[Any]:
        with daemon.connect() as raw:
            sent = [msgspec.json.decode(as_line(item)) for item in items]
            return [raw.ask(id=1, op="score", item=item)["answer"]["reward"] for item in sent]

    return {
        "in process": asyncio.run(in_process()),
        "socket": of_client(daemon.address),
        "http": of_client(daemon.http),
        "raw http": [posted(item) for item in items],
        "raw socket": framed(),
        "file, socket": of_file(items, path, "--socket", str(daemon.path)),
        "file, http": of_file(items, path, "--http", str(daemon.http)),
        "file, no daemon": of_file(items, path, "--slots", "2"),
    }


# Two minutes are not enough on a machine that has sixteen other things to do.
@pytest.mark.timeout(600)
# Each example starts engines and commands: a failing one is not made smaller.
@settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(pairs_of_values(), min_size=8, max_size=12))
def test_every_way_gives_the_same_reward(
    daemon: Daemon, new_engine: NewEngine, tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[Any, Any]]
) -> None:
    items = [item_of(value, expected, number) for number, (value, expected) in enumerate(pairs)]
    # Through a copy, in which nan is another object, as in what comes back.
    right = [float(same_value(untagged(tagged(item_form(value), "x"), "x"), expected)) for value, expected in pairs]
    path = tmp_path_factory.mktemp("items") / "items.jsonl"
    assert every_way(items, daemon, path, new_engine) == dict.fromkeys(
        ["in process", "socket", "http", "raw http", "raw socket", "file, socket", "file, http", "file, no daemon"],
        right,
    )


def nested(form: Any) -> Any:
    value: Any = 1
    for _ in range(190):
        value = form(value)
    return value


def test_the_deepest_and_the_largest_values_come_in_every_way(
    daemon: Daemon, new_engine: NewEngine, tmp_path: Path
) -> None:
    values = [
        *(nested(form) for form in (lambda x: [x], lambda x: (x,), lambda x: {1: x}, lambda x: frozenset({x}))),
        -(1 << 400_000),
        b"\xff" * 300_000,
        [list(range(50_000)), {"k": ["é" * 1000]}],
    ]
    source = "```python\ndef f(x):\n    return x\n```"
    items = [
        {"kind": "code", "completion": source, "tests": [{"call": "f", "arguments": [value], "expected": value}]}
        for value in values
    ]
    for way, rewards in every_way(items, daemon, tmp_path / "items.jsonl", new_engine).items():
        assert rewards == [1.0] * len(items), way


def test_python_may_be_sent_as_its_json_module_writes_it(daemon: Daemon) -> None:
    item = item_of(math.inf, math.inf, 1)
    assert b"Infinity" in json.dumps(item).encode()
    assert daemon.post("/v1/score", json.dumps(item).encode())[1]["reward"] == 1.0


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"$ref": 1}, "tests[0].expected"),
    ({"a": [{"$set": [[1]]}]}, "tests[0].expected.a[0].$set"),
    ({"$int": "1" * 5000}, "tests[0].expected.$int"),
]


@pytest.mark.parametrize(("expected", "field"), REFUSED)
def test_a_wrong_value_is_refused_by_name_in_every_way(
    daemon: Daemon, new_engine: NewEngine, tmp_path: Path, expected: Any, field: str
) -> None:
    good = item_of(1, 1, 0)
    item = {**good, "tests": [{"call": "f", "arguments": [], "expected": expected}]}
    before = daemon.stats()["runs"]

    async def in_process() -> None:
        async with new_engine(slots=1) as engine:
            await CodeReward(engine).score(item)

    with pytest.raises(BadInput) as caught:
        asyncio.run(in_process())
    assert caught.value.field == field
    for address in (daemon.address, daemon.http):
        with RewardClient.sync(address) as client:
            with pytest.raises(BadInput) as caught:
                client.score(item)
            assert caught.value.field == field
            with pytest.raises(WrongItem) as many:
                client.score_many([item])
            assert many.value.field == f"[0].{field}"
    assert daemon.post("/v1/score", item)[1]["error"]["field"] == field
    with daemon.connect() as raw:
        assert raw.ask(id=1, op="score", item=item)["error"]["field"] == field
    path = tmp_path / "items.jsonl"
    path.write_text(f"{json.dumps(good)}\n\n{json.dumps(item)}\n")
    for place in (("--socket", str(daemon.path)), ("--slots", "1")):
        done = subprocess.run([*ASSAY, "score", str(path), *place], capture_output=True, timeout=60, check=False)
        assert done.returncode == 2
        assert f"line 3: {field} ".encode() in done.stderr
        assert b"Traceback" not in done.stderr
    assert daemon.stats()["runs"] == before


def test_a_line_that_only_the_daemon_refuses_costs_the_others_nothing(
    start_daemon: StartDaemon, tmp_path: Path
) -> None:
    strict = start_daemon(config="[engine.ceilings]\ncpu_seconds = 20\n")
    items = [item_of(number, number, number) for number in range(4)]
    items[1]["limits"] = {"cpu_seconds": 30.0}
    path = tmp_path / "items.jsonl"
    path.write_bytes(b"\n".join(map(as_line, items)))
    out = tmp_path / "out"
    command = [*ASSAY, "score", str(path), "-o", str(out), "--socket", str(strict.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3, done.stderr
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["reward"] for line in lines] == [1.0, None, 1.0, 1.0]
    assert "line 3: refused: " in lines[1]["not_judged"]
    assert "cpu_seconds" in lines[1]["not_judged"]
    assert "not judged 1 x: line 3: refused" in done.stdout
