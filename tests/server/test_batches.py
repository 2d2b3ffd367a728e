"""Many requests in one: a list back, or each answer as it comes, over both faces and through the clients."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine import BadInput, SandboxError
from rewards import NotJudged, Reward, RewardClient, WrongItem
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, Marked, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

both_faces = pytest.mark.parametrize("face", ["unix", "http"])
LINES = {"Accept": "application/x-ndjson"}
RIGHT: dict[str, Any] = {"kind": "math", "completion": "\\boxed{1}", "reference": "1"}
CODE: dict[str, Any] = {"kind": "code", "completion": "print(1)", "tests": [{"expected": "1"}]}
ROOT = Path(__file__).parents[2]


def runs(count: int) -> list[dict[str, Any]]:
    return [{"source": f"echo {number}", "language": "bash"} for number in range(count)]


def streamed(daemon: Daemon, path: str, content: object) -> list[dict[str, Any]]:
    status, text = daemon.post(path, content, **LINES)
    assert status == 200
    return [json.loads(line) for line in text.splitlines()] if isinstance(text, str) else [text]


MIXED: list[Any] = [
    {"source": "echo 0", "language": "bash"},
    {"source": "x", "language": "cobol"},
    {"source": "x", "limits": {"cpu_seconds": -1}},
    7,
    {"source": "x", "files": {"../a": ""}},
    {"argv": ["/bin/echo", "5"]},
    {"batch": []},
    {"source": "exit 3", "language": "bash"},
]
FIELDS = {1: "language", 2: "limits.cpu_seconds", 3: "run", 4: "files", 6: "batch"}


def check_mixed(answers: list[dict[str, Any]]) -> None:
    assert {index: answer["error"]["field"] for index, answer in enumerate(answers) if "error" in answer} == FIELDS
    assert [answers[index]["stdout"] for index in (0, 5, 7)] in (["0\n", "5\n", ""], [b"0\n", b"5\n", b""])
    assert answers[7]["exit_code"] == 3


def test_each_run_has_an_answer_or_an_error_of_its_own(daemon: Daemon) -> None:
    status, answers = daemon.post("/v1/run", MIXED)
    assert status == 200
    check_mixed(answers)
    by_index = {line.pop("index"): line for line in streamed(daemon, "/v1/run", MIXED)}
    check_mixed([by_index[index].get("answer", by_index[index]) for index in range(len(MIXED))])
    with daemon.connect() as raw:
        check_mixed(raw.ask(id=1, op="run", batch=MIXED)["answer"])
        raw.send(id=2, op="run", batch=MIXED, stream=True)
        parts = [raw.receive() for _ in MIXED]
        assert {part["id"] for part in parts} == {2}
        by_index = {part["index"]: part for part in parts}
        check_mixed([by_index[index].get("answer", by_index[index]) for index in range(len(MIXED))])
        assert raw.receive() == {"id": 2, "answer": {"answers": len(MIXED)}}


def test_many_runs_come_back_in_order(daemon: Daemon) -> None:
    status, answers = daemon.post("/v1/run", runs(300))
    assert status == 200
    assert [int(answer["stdout"]) for answer in answers] == list(range(300))
    assert daemon.post("/v1/run", []) == (200, [])
    with daemon.connect() as raw:
        answers = raw.ask(id=1, op="run", batch=runs(100))["answer"]
        assert [int(answer["stdout"]) for answer in answers] == list(range(100))


async def test_lines_come_while_others_run(daemon: Daemon) -> None:
    batch = [{"source": "sleep 1; echo slow", "language": "bash"}, {"source": "echo quick", "language": "bash"}]
    async with httpx.AsyncClient(base_url=str(daemon.http), trust_env=False) as client:
        async with client.stream("POST", "/v1/run", json=batch, headers=LINES) as response:
            assert response.headers["content-type"] == "application/x-ndjson"
            seen = [(time.monotonic(), json.loads(line)) async for line in response.aiter_lines()]
        # The connection goes on.
        assert (await client.get("/v1/ping")).json() == "pong"
    assert [each["index"] for _, each in seen] == [1, 0]
    assert seen[1][0] - seen[0][0] > 0.2


@no_slot_in_it
def test_a_wrong_item_is_refused_with_all_others_before_anything_runs(daemon: Daemon) -> None:
    before = daemon.stats()["runs"]
    status, answer = daemon.post("/v1/score", [CODE, {"kind": "math"}], **LINES)
    assert (status, answer["error"]["field"]) == (422, "[1].completion")
    with daemon.connect() as raw:
        for stream in (False, True):
            said = raw.ask(id=1, op="score", batch=[CODE, {"kind": "math"}], stream=stream)
            assert said["error"]["field"] == "[1].completion"
        assert raw.ask(id=1, op="score", batch=7)["error"]["field"] == "batch"
        assert raw.ask(id=1, op="score", batch=[], streem=True)["error"]["field"] == "streem"
    assert daemon.stats()["runs"] == before


def test_items_are_scored_as_they_come(daemon: Daemon) -> None:
    items = [{**RIGHT, "id": 0}, {**CODE, "id": 1, "image": "nowhere"}, {**CODE, "id": 2}]
    by_index = {line["index"]: line for line in streamed(daemon, "/v1/score", items)}
    assert by_index[1]["error"]["field"] == "image"
    assert [by_index[index]["answer"]["id"] for index in (0, 2)] == [0, 2]
    assert [by_index[index]["answer"]["reward"] for index in (0, 2)] == [1.0, 1.0]
    with daemon.connect() as raw:
        assert [each["reward"] for each in raw.ask(id=1, op="score", batch=[RIGHT, CODE])["answer"]] == [1.0, 1.0]


@no_slot_in_it
def test_limits_of_a_batch_are_said(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nbatch_items = 3\nbatch_bytes = 10000\n")
    for path, each in (("/v1/run", {"source": ""}), ("/v1/score", RIGHT)):
        status, answer = daemon.post(path, [each] * 4)
        assert (status, answer["error"]["field"], answer["error"]["value"]) == (422, "body", 4)
        assert answer["error"]["message"] == "more than the 3 of one batch (server.batch_items)"
    loud = {"source": "head -c 20000 /dev/zero | tr '\\0' x", "language": "bash"}
    quiet = {"source": "sleep 1", "language": "bash"}
    with daemon.connect() as raw:
        said = raw.ask(id=1, op="score", batch=[RIGHT] * 4)
        assert (said["error"]["field"], said["error"]["value"]) == ("batch", 4)
        first, second = raw.ask(id=2, op="run", batch=[loud, quiet])["answer"]
        assert (len(first["stdout"]), second["error"]["kind"]) == (20_000, "overloaded")
    status, (first, second) = daemon.post("/v1/run", [loud, quiet])
    assert (len(first["stdout"]), second["error"]["kind"]) == (20_000, "overloaded")
    assert "server.batch_bytes" in second["error"]["message"]
    assert len(streamed(daemon, "/v1/run", [loud] * 3)) == 3
    daemon.stop()


@no_slot_in_it
def test_a_batch_leaves_room_for_others(daemon: Daemon) -> None:
    with daemon.http_connect() as greedy:
        body = json.dumps(runs(8000)).encode()
        head = f"POST /v1/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        greedy.sendall(head.encode() + body)
        daemon.wait_for(running=2, queued=14)
        assert daemon.post("/v1/run", {"source": "echo 1", "language": "bash"})[1]["stdout"] == "1\n"
        # The batch goes on.
        daemon.wait_for(running=2, queued=14)
    daemon.wait_for(running=0)


@pytest.mark.parametrize("stream", [False, True])
def test_who_goes_takes_the_batch_along(daemon: Daemon, marked: Marked, stream: bool) -> None:
    batch = [{"source": marked.source, "language": "bash"}, *runs(3)]
    body = json.dumps(batch).encode()
    accept = "Accept: application/x-ndjson\r\n" if stream else ""
    with daemon.http_connect() as client:
        head = f"POST /v1/run HTTP/1.1\r\nHost: localhost\r\n{accept}Content-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        marked.wait_alive()
    marked.wait_dead()
    with daemon.connect() as raw:
        raw.send(id=1, op="run", batch=batch, stream=stream)
        marked.wait_alive()
        raw.send(id=2, op="cancel", target=1)
        ends = [each for each in iter(raw.receive, {"id": 2, "answer": {"cancelled": True}}) if "index" not in each]
        ends = ends or [raw.receive()]
        assert [(end["id"], end["error"]["kind"]) for end in ends] == [(1, "cancelled")]
    marked.wait_dead()


def test_a_client_that_does_not_read_its_lines_holds_up_only_itself(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nunread_seconds = 0.5\n")
    loud = {"source": "head -c 1000000 /dev/zero | tr '\\0' x", "language": "bash"}
    body = json.dumps([loud] * 200).encode()
    with daemon.http_connect() as client:
        head = f"POST /v1/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        client.sendall(head.encode() + b"Accept: application/x-ndjson\r\n\r\n" + body)
        daemon.wait_logged("cut off")
        daemon.wait_for(running=0)
        assert daemon.stats()["runs"] < 100
    daemon.stop()


@both_faces
async def test_the_client_scores_a_batch(daemon: Daemon, face: str) -> None:
    items = [{**RIGHT, "id": "a\u2028b\x85c"}, CODE, {**RIGHT, "completion": "\\boxed{2}"}] * 20
    async with daemon.client(face) as client:
        answers: dict[int, Any] = {index: answer async for index, answer in client.score_batch(items)}
        assert [answers[index]["reward"] for index in range(60)] == [1.0, 1.0, 0.0] * 20
        assert answers[0]["id"] == "a\u2028b\x85c"
        with pytest.raises(BadInput) as caught:
            _ = [each async for each in client.score_batch([RIGHT, {"kind": "math"}])]
        assert caught.value.field == "[1].completion"
        with pytest.raises(BadInput) as caught:
            _ = [each async for each in client.score_batch([RIGHT, {**RIGHT, "id": "\ud800"}])]
        assert caught.value.field == "[1].id"
        with pytest.raises(BadInput) as caught:
            _ = [each async for each in client.score_batch([{**CODE, "image": "nowhere"}])]
        assert caught.value.field == "[0].image"
        assert [each async for each in client.score_batch([])] == []
        assert (await client.score(RIGHT))["reward"] == 1.0


@both_faces
async def test_leaving_the_clients_loop_ends_the_batch(daemon: Daemon, face: str, marked: Marked) -> None:
    slow = {"kind": "code", "completion": marked.source, "language": "bash", "tests": [{"expected": "1"}]}
    async with daemon.client(face) as client:
        answers = client.score_batch([slow, RIGHT])
        async for index, _ in answers:
            assert index == 1
            break
        await asyncio.to_thread(marked.wait_alive)
        await answers.aclose()
        await asyncio.to_thread(marked.wait_dead)
        assert (await client.score(RIGHT))["reward"] == 1.0


@both_faces
async def test_a_daemon_that_ends_within_a_batch_is_a_fault(start_daemon: StartDaemon, face: str) -> None:
    daemon = await asyncio.to_thread(start_daemon, slots=1)
    slow = {"kind": "code", "completion": "sleep 60", "language": "bash", "tests": [{"expected": "1"}]}
    async with daemon.client(face) as client:
        answers = client.score_batch([RIGHT, slow])
        assert (await anext(answers))[0] == 0
        await asyncio.to_thread(daemon.stop, signal.SIGINT)
        with pytest.raises(SandboxError, match="nothing is known"):
            await anext(answers)


@both_faces
async def test_rewards_of_a_batch(daemon: Daemon, face: str) -> None:
    items = [RIGHT, CODE, {**RIGHT, "completion": "\\boxed{2}"}] * 5
    async with RewardClient(daemon.address if face == "unix" else daemon.http) as client:
        rewards = await client.score_batch(items)
        assert [reward.reward for reward in rewards if isinstance(reward, Reward)] == [1.0, 1.0, 0.0] * 5
        with pytest.raises(WrongItem) as caught:
            await client.score_batch([RIGHT, {"kind": "math"}])
        assert (caught.value.field, caught.value.rewards) == ("[1].completion", {})
        assert await client.score_batch([]) == []


@both_faces
async def test_rewards_of_a_batch_that_is_turned_away_come_later(start_daemon: StartDaemon, face: str) -> None:
    daemon = await asyncio.to_thread(start_daemon, config="[engine]\nqueue_runs = 1\n", slots=1)
    items = [{**CODE, "language": "bash", "completion": "sleep 0.1; echo 1"}] * 12
    address = daemon.address if face == "unix" else daemon.http
    async with RewardClient(address) as client:
        rewards = await client.score_batch(items)
    assert [reward.reward for reward in rewards if isinstance(reward, Reward)] == [1.0] * 12
    async with RewardClient(address, deadline_seconds=0.05, patience_seconds=0.0) as client:
        rewards = await client.score_batch(items)
    assert any(isinstance(reward, NotJudged) for reward in rewards)
    await asyncio.to_thread(daemon.stop)
    async with RewardClient(address) as client:
        assert {type(reward) for reward in await client.score_batch(items)} == {NotJudged}


@pytest.mark.parametrize("page", ["docs/protocol.md", "docs/python.md"])
def test_the_examples_of_the_documentation(daemon: Daemon, page: str) -> None:
    found = re.search(r"<!-- example: batch -->\s*```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1].replace("http://127.0.0.1:8080", str(daemon.http)), names)
    assert names["rewards"] == [1.0, 0.0]
