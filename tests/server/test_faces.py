"""What both faces do alike, through the clients."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from engine import BadInput, Client, Limits, Program, SandboxError, SyncClient, Verdict
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, Marked, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

both_faces = pytest.mark.parametrize("face", ["unix", "http"])
RIGHT = {"id": "r", "kind": "math", "completion": "so \\boxed{42}", "reference": "42"}
WRONG = {"id": "w", "kind": "math", "completion": "so \\boxed{41}", "reference": "42"}


@both_faces
async def test_a_run_tells_everything(daemon: Daemon, face: str) -> None:
    source = "import sys; open('out', 'wb').write(b'\\xff'); print(input()); print('e', file=sys.stderr); sys.exit(3)"
    async with daemon.client(face) as client:
        outcome = await client.run(Program(source), b"hi\n", Limits(cpu_seconds=2), collect=["out", "none"])
    assert outcome.exit_code == 3
    assert (outcome.stdout, outcome.stderr) == (b"hi\n", b"e\n")
    assert outcome.files == {"out": b"\xff"}
    assert outcome.verdict is Verdict.RUNTIME_ERROR
    assert outcome.cpu_seconds > 0
    assert outcome.peak_memory_bytes > 0


@both_faces
async def test_what_is_there_already_runs_by_its_path(daemon: Daemon, face: str) -> None:
    async with daemon.client(face) as client:
        outcome = await client.run_argv(
            ["/usr/bin/bash", "-c", "cat; echo e >&2; echo x >f"], b"hi\n", collect=["f"], merge_stderr=True
        )
    assert (outcome.stdout, outcome.stderr, outcome.files) == (b"hi\ne\n", b"", {"f": b"x\n"})
    assert outcome.verdict is Verdict.ACCEPTED


@both_faces
async def test_bytes_survive(daemon: Daemon, face: str) -> None:
    everything = bytes(range(256))
    source = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read() + open('f', 'rb').read())"
    async with daemon.client(face) as client:
        outcome = await client.run(Program(source, "python", {"f": everything}), everything)
    assert outcome.stdout == everything * 2


@both_faces
async def test_a_compile_error_comes_with_its_diagnostics(daemon: Daemon, face: str) -> None:
    async with daemon.client(face) as client:
        outcome = await client.run(Program("int main() { return x; }", "cpp"))
    assert outcome.verdict is Verdict.COMPILE_ERROR
    assert outcome.compile is not None
    assert b"not declared" in outcome.compile.stderr


@both_faces
async def test_merged_stderr_and_a_limit(daemon: Daemon, face: str) -> None:
    source = "import sys; print('o', flush=True); print('e', file=sys.stderr, flush=True)\nwhile True: pass"
    async with daemon.client(face) as client:
        outcome = await client.run(Program(source), limits=Limits(cpu_seconds=0.3), merge_stderr=True)
    assert outcome.stdout == b"o\ne\n"
    assert outcome.verdict is Verdict.TIME_LIMIT


@no_slot_in_it
@both_faces
@pytest.mark.parametrize(
    ("program", "field"),
    [
        (Program("", "cobol"), "language"),
        (Program("\ud800"), "source"),
        (Program("", files={"../x": b""}), "files"),
        (Program("", files={"/etc/x": b""}), "files"),
    ],
)
async def test_a_wrong_program_is_bad_input_by_its_field(
    daemon: Daemon, face: str, program: Program, field: str
) -> None:
    async with daemon.client(face) as client:
        with pytest.raises(BadInput) as caught:
            await client.run(program)
        assert caught.value.field == field
        assert (await client.run(Program("print(1)"))).stdout == b"1\n"


@both_faces
async def test_items_are_scored(daemon: Daemon, face: str) -> None:
    code = {
        "id": 7,
        "kind": "code",
        "completion": "```python\nprint(int(input()) + 1)\n```",
        "tests": [{"stdin": "1\n", "expected": "2\n"}, {"stdin": "2\n", "expected": "3\n"}],
    }
    async with daemon.client(face) as client:
        right, wrong, ran = await asyncio.gather(client.score(RIGHT), client.score(WRONG), client.score(code))
    assert (right["id"], right["reward"], right["verdict"]) == ("r", 1.0, "ACCEPTED")
    assert (wrong["id"], wrong["reward"], wrong["verdict"]) == ("w", 0.0, "WRONG_ANSWER")
    assert (ran["id"], ran["reward"], len(ran["tests"])) == (7, 1.0, 2)


@no_slot_in_it
@both_faces
async def test_a_stream_answers_every_item(daemon: Daemon, face: str) -> None:
    items = [RIGHT, WRONG] * 50
    async with daemon.client(face) as client:
        answers: dict[int, Any] = {index: answer async for index, answer in client.stream(items, in_flight=10)}
    assert [answers[index]["reward"] for index in range(100)] == [1.0, 0.0] * 50


@no_slot_in_it
@both_faces
async def test_a_wrong_item_ends_the_stream_with_its_index(daemon: Daemon, face: str) -> None:
    async with daemon.client(face) as client:
        with pytest.raises(BadInput) as caught:
            async for _ in client.stream([RIGHT, {"kind": "math", "completion": 3}], in_flight=1):
                pass
    assert caught.value.field == "[1].completion"


@both_faces
async def test_cancelling_the_task_kills_the_program(daemon: Daemon, face: str, marked: Marked) -> None:
    async with daemon.client(face) as client:
        run = asyncio.create_task(client.run(Program(marked.source, marked.language)))
        await asyncio.to_thread(marked.wait_alive)
        run.cancel()
        await asyncio.to_thread(marked.wait_dead)
        assert (await client.run(Program("print(1)"))).stdout == b"1\n"


@both_faces
async def test_closing_the_client_kills_the_program(daemon: Daemon, face: str, marked: Marked) -> None:
    client = daemon.client(face)
    run = asyncio.create_task(client.run(Program(marked.source, marked.language)))
    await asyncio.to_thread(marked.wait_alive)
    await client.close()
    with pytest.raises(SandboxError, match=r"closed|nothing is known of the run"):
        await run
    await asyncio.to_thread(marked.wait_dead)


@both_faces
async def test_stats_count(daemon: Daemon, face: str) -> None:
    async with daemon.client(face) as client:
        before = await client.stats()
        await client.run(Program("print(1)"))
        after = await client.stats()
    assert after["slots"] == 2
    assert after["runs"] > before["runs"]


async def test_many_requests_share_one_connection(daemon: Daemon) -> None:
    async with daemon.client() as client:
        outcomes = await asyncio.gather(*(client.run(Program(f"print({number})")) for number in range(100)))
    assert [int(outcome.stdout) for outcome in outcomes] == list(range(100))


async def test_a_daemon_that_ends_fails_what_is_in_flight_and_the_client_finds_the_next_one(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon(slots=1)
    async with daemon.client() as client:
        assert (await client.run(Program("print(1)"))).stdout == b"1\n"
        run = asyncio.create_task(client.run(Program("import time; time.sleep(60)")))
        await asyncio.to_thread(daemon.wait_for, running=1)
        await asyncio.to_thread(daemon.stop, signal.SIGINT)
        with pytest.raises(SandboxError, match="connection lost"):
            await run
        # It asks again and again while the next one starts.
        again = asyncio.create_task(client.run(Program("print(2)")))
        next_one = await asyncio.to_thread(start_daemon, "--socket", str(daemon.path))
        assert (await again).stdout == b"2\n"
    await asyncio.to_thread(next_one.stop)


@no_slot_in_it
async def test_requests_wait_together_for_a_daemon_that_is_gone(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(slots=1)
    async with Client(daemon.address, reconnect_seconds=0.5) as client:
        await client.stats()
        await asyncio.to_thread(daemon.stop)
        began = time.monotonic()
        answers = await asyncio.gather(*(client.stats() for _ in range(8)), return_exceptions=True)
    assert all(isinstance(answer, SandboxError) for answer in answers)
    assert time.monotonic() - began < 2


async def test_no_daemon_is_said_at_once(tmp_path_factory: pytest.TempPathFactory, closed_port: str) -> None:
    path = tmp_path_factory.mktemp("none") / "a.sock"
    async with Client(f"unix://{path}") as client:
        began = time.monotonic()
        with pytest.raises(SandboxError, match="start one with `assay serve`"):
            await client.run(Program(""))
        assert time.monotonic() - began < 1
    async with Client(f"http://{closed_port}") as client:
        with pytest.raises(SandboxError, match=re.escape(closed_port)):
            await client.run(Program(""))


@both_faces
def test_the_plain_twin(daemon: Daemon, face: str) -> None:
    address = daemon.address if face == "unix" else daemon.http
    with SyncClient(address) as client:
        assert client.run(Program("print(input())"), b"hi\n").stdout == b"hi\n"
        assert client.score(RIGHT)["reward"] == 1.0
        assert {index for index, _ in client.stream([RIGHT, WRONG])} == {0, 1}
        assert client.stats()["slots"] == 2
        with pytest.raises(BadInput, match="cobol"):
            client.run(Program("", "cobol"))
        for _ in client.stream([RIGHT] * 1000, in_flight=4):
            break
        outcomes: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: outcomes.append(client.run(Program("print(1)")).stdout)) for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes == [b"1\n"] * 5
    client.close()
