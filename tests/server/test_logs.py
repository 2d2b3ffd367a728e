"""What the daemon logs: one line for each thing, as text or JSON, with what is needed to find it."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.log import ABOUT, JsonLines, TextLines, fields
from tests.support.traces import supervisor_of

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, StartDaemon

TOKEN = "0123456789abcdef-secret"


def record(message: str, *arguments: object, failed: BaseException | None = None, **given: object) -> logging.LogRecord:
    told = (type(failed), failed, failed.__traceback__) if failed is not None else None
    made = logging.LogRecord("assay.server", logging.INFO, "", 0, message, arguments, told)
    made.__dict__.update(fields(**given))
    return made


def test_a_json_line_has_the_time_in_utc_the_fields_and_the_request_it_is_about() -> None:
    outer = ABOUT.set({"request": "r-1", "client": "unix-1"})
    line = json.loads(JsonLines().format(record("refused: %s", "why", status=422, client="unix-2", run_id=None)))
    ABOUT.reset(outer)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "logger": "assay.server",
        "message": "refused: why",
        "request": "r-1",
        "client": "unix-2",
        "status": 422,
        "run_id": None,
    }


@pytest.mark.parametrize("lines", [JsonLines(), TextLines()])
def test_whatever_is_logged_is_one_short_line_that_can_be_written(lines: logging.Formatter) -> None:
    told = lines.format(record("%s", "\ud800" + "x" * 1_000_000, program="a\nb\udfff" + "y" * 1_000_000))
    assert len(told) < 10_000
    assert "\n" not in told
    told.encode()


def test_a_fault_has_the_end_of_its_traceback() -> None:
    try:
        raise RuntimeError("z" * 100_000 + " the end")
    except RuntimeError as error:
        line = JsonLines().format(record("failed", failed=error))
    assert len(line) < 20_000
    assert json.loads(line)["fault"].endswith(" the end")


def lines_of(daemon: Daemon) -> list[dict[str, Any]]:
    return [json.loads(line) for line in daemon.log.read_text().splitlines()]


@pytest.mark.server
@pytest.mark.kernel
def test_every_line_of_a_daemon_is_an_object(start_daemon: StartDaemon, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    daemon = start_daemon(
        "--log-format", "json", "--token-file", str(token), config='[server]\nlog_level = "debug"\n', slots=1
    )
    sent = {"Authorization": f"Bearer {TOKEN}"}
    assert daemon.post("/v1/run", {"source": "print(1)"}, **sent, **{"X-Request-Id": "mine"})[0] == 200
    assert daemon.post(f"/t/{TOKEN}/v1/run", {"source": "x" * 100_000, "language": "none" * 1000})[0] == 422
    assert daemon.post("/v1/run", {}, Authorization="Bearer wrong")[0] == 401
    item = {"kind": "math", "answer": "1", "completion": "1", "nothing": 1}
    assert daemon.post("/v1/score", item, **sent)[0] == 422
    # Where a token must not be, and yet it may not be written down.
    with daemon.http_connect() as raw:
        raw.sendall(f"GET /t/{TOKEN}/caf\xe9 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1"))
        assert b"400" in raw.recv(1000)
    with daemon.http_connect() as raw:
        raw.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\n" + f"Authorization: Bearer {TOKEN}\r\n".encode() * 2 + b"\r\n"
        )
        assert b"400" in raw.recv(1000)
    daemon.stop(signal.SIGTERM)
    lines = lines_of(daemon)
    assert TOKEN not in daemon.log.read_text()
    assert max(map(len, daemon.log.read_text().splitlines())) < 3_000
    (mine,) = (line for line in lines if line.get("request") == "mine")
    assert (mine["level"], mine["message"], mine["status"]) == ("debug", "POST /v1/run", 200)
    assert mine["client"].startswith("http-127.0.0.1:")
    assert {"draining: no new work, at most 60 s for what is under way"} < {line["message"] for line in lines}
    assert any(line["message"].startswith("refused: token") and line["level"] == "warning" for line in lines)


@pytest.mark.server
@pytest.mark.kernel
def test_a_fault_of_ours_is_logged_with_what_finds_it(start_daemon: StartDaemon) -> None:
    daemon = start_daemon("--log-format", "json", slots=1)
    with daemon.connect() as client:
        client.send(id=7, op="run", source="sleep 2; echo done", language="bash")
        daemon.wait_for(running=1)
        os.kill(supervisor_of(daemon.process.pid), signal.SIGKILL)
        answer = client.receive()
    daemon.wait_logged("the sandbox faulted")
    (fault,) = (line for line in lines_of(daemon) if line["message"].startswith("the sandbox faulted"))
    assert fault["request"] == "unix-1/7"
    assert fault["run_id"] >= 0
    # It began anew, and was judged.
    assert answer["answer"]["stdout"] == b"done\n"
    daemon.stop(signal.SIGINT)
