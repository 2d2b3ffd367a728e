"""Traces, against a receiver of OTLP over HTTP that decodes what the daemon sends."""

from __future__ import annotations

import dataclasses
import gzip
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from tests.server.conftest import ASSAY, wait_until

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]
TRACE_ID, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CPP = "#include <iostream>\nint main() { int x; std::cin >> x; std::cout << 2 * x << '\\n'; }\n"


@dataclasses.dataclass(frozen=True)
class Span:
    trace: str
    id: str
    parent: str
    name: str
    began: int
    ended: int
    said: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    failed: bool


class Receiver:
    """What a collector would have got."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resource: dict[str, Any] = {}
        self.paths: set[str] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                receiver.take(self.path, ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path: str, request: ExportTraceServiceRequest) -> None:
        self.paths.add(path)
        for of_resource in request.resource_spans:
            self.resource = plain(of_resource.resource.attributes)
            for scope in of_resource.scope_spans:
                self.spans += [
                    Span(
                        trace=each.trace_id.hex(),
                        id=each.span_id.hex(),
                        parent=each.parent_span_id.hex(),
                        name=each.name,
                        began=each.start_time_unix_nano,
                        ended=each.end_time_unix_nano,
                        said=plain(each.attributes),
                        events=[(event.name, plain(event.attributes)) for event in each.events],
                        failed=each.status.code == 2,
                    )
                    for each in scope.spans
                ]

    def wait_for(self, name: str) -> tuple[Span, list[Span]]:
        """The root of that name, and what is below it."""
        wait_until(lambda: any(span.name == name for span in self.spans))
        (root,) = (span for span in self.spans if span.name == name)
        return root, [span for span in self.spans if span.parent == root.id]


def plain(attributes: Any) -> dict[str, Any]:
    def value(each: KeyValue) -> Any:
        return getattr(each.value, str(each.value.WhichOneof("value")))

    return {each.key: value(each) for each in attributes}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


@pytest.fixture
def traced(start_daemon: StartDaemon, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon whose spans leave at once."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    daemon = start_daemon(config=f'[server]\ntraces = "{receiver.url}"\n')
    yield daemon
    daemon.stop(signal.SIGINT)


def test_a_request_is_one_trace_that_goes_on_with_the_clients(traced: Daemon, receiver: Receiver) -> None:
    item = {
        "kind": "code",
        "completion": f"```cpp\n{CPP}```",
        "language": "cpp",
        "tests": [{"stdin": f"{n}\n", "expected": f"{2 * n}\n"} for n in (1, 2, 3)],
    }
    parent = f"00-{TRACE_ID}-{PARENT}-01"
    status, answer = traced.post("/v1/score", item, traceparent=parent, **{"X-Request-Id": "mine"})
    assert (status, answer["reward"]) == (200, 1.0), answer
    root, parts = receiver.wait_for("POST /v1/score")
    assert (root.trace, root.parent) == (TRACE_ID, PARENT)
    assert root.said["assay.request"] == "mine"
    assert root.said["assay.client"].startswith("http-")
    ((name, event),) = root.events
    assert (name, event["op"], event["verdict"]) == ("judged", "score", "ACCEPTED")
    assert {span.trace for span in parts} == {TRACE_ID}
    assert sorted(span.name for span in parts) == ["compile", *["queue"] * 4, *["run"] * 3]
    assert all(root.began <= span.began <= span.ended <= root.ended for span in parts)
    runs = [span for span in parts if span.name == "run"]
    assert sorted(span.said["test"] for span in runs) == [0, 1, 2]
    for span in runs:
        assert (span.said["verdict"], span.said["started"]) == ("ACCEPTED", "cold")
        assert 0 < span.said["wall_seconds"] <= (span.ended - span.began) / 1e9
        assert {"cpu_seconds", "queue_seconds", "run_id", "peak_memory_bytes"} <= set(span.said)
    assert receiver.paths == {"/v1/traces"}
    assert receiver.resource["service.name"] == "assay"
    assert receiver.resource["service.version"]


@pytest.mark.native_only("containers keep no Python ready")
def test_what_is_compiled_already_says_so_and_a_ready_python_too(traced: Daemon, receiver: Receiver) -> None:
    for _ in range(2):
        assert traced.post("/v1/run", {"source": CPP, "language": "cpp", "stdin": "4"})[1]["stdout"] == "8\n"
    with traced.connect() as client:
        # The first makes its slot have a Python ready.
        wait_until(lambda: client.ask(id=1, op="run", source="print(1)")["answer"]["started"] == "warm")
        client.ask(id=2, op="stats")
    wait_until(lambda: sum(span.name == "compile" for span in receiver.spans) == 2)
    assert [span.said.get("spared", False) for span in receiver.spans if span.name == "compile"] == [False, True]
    traced.stop(signal.SIGTERM)
    assert "warm" in {span.said.get("started") for span in receiver.spans}
    roots = [span for span in receiver.spans if not span.parent]
    assert {span.name for span in roots} == {"POST /v1/run", "frame run"}


def test_a_client_that_goes_and_a_batch_that_streams(traced: Daemon, receiver: Receiver) -> None:
    runs = [{"id": n, "op": "run", "source": f"print({n})"} for n in range(3)]
    with traced.connect() as client:
        client.send(id="batch", op="run", batch=[{"source": each["source"]} for each in runs], stream=True)
        while client.receive().get("answer") != {"answers": 3}:
            pass
    root, parts = receiver.wait_for("frame runbatch")
    assert sum(span.name == "run" for span in parts) == 3
    assert len(root.events) == 3
    assert not root.failed
    with traced.connect() as client:
        client.send(id=1, op="run", source="import time; time.sleep(60)")
        traced.wait_for(running=1)
    gone, _ = receiver.wait_for("frame run")
    assert gone.failed


def test_without_a_collector_answers_come_as_ever_and_it_ends(start_daemon: StartDaemon, closed_port: str) -> None:
    daemon = start_daemon(config=f'[server]\ntraces = "http://{closed_port}"\n', slots=1)
    assert daemon.post("/v1/run", {"source": "print(1)"})[1]["stdout"] == "1\n"
    assert daemon.stop(signal.SIGTERM, seconds=30) == 0


def test_the_standards_variables_ask_for_traces_too(
    start_daemon: StartDaemon, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "rewards-of-mine")
    daemon = start_daemon(slots=1)
    daemon.post("/v1/run", {"source": "print(1)"})
    daemon.stop(signal.SIGTERM)
    receiver.wait_for("POST /v1/run")
    assert receiver.resource["service.name"] == "rewards-of-mine"


@pytest.fixture
def without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry/__init__.py").write_text("raise ImportError(\"No module named 'opentelemetry'\")\n")
    path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""), str(Path.cwd())))
    monkeypatch.setenv("PYTHONPATH", path)


@pytest.mark.usefixtures("without_the_package")
def test_without_the_package_a_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[server]\ntraces = "http://127.0.0.1:9"\n')
    options = ("--no-http", "--socket", str(tmp_path / "a.sock"), "--config", str(tmp_path / "config.toml"))
    done = subprocess.run([*ASSAY, "serve", *options], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "pip install 'assay[otel]'" in done.stderr
    assert "server.traces" in done.stderr


@pytest.mark.usefixtures("without_the_package")
def test_without_the_package_a_variable_is_warned_of(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(slots=1, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    log = daemon.log.read_text()
    assert "WARNING traces are off: OTEL_EXPORTER_OTLP_ENDPOINT asks for traces" in log
    assert "pip install 'assay[otel]'" in log
    assert daemon.post("/v1/run", {"source": "print(1)"})[1]["stdout"] == "1\n"


def test_nothing_of_it_is_imported_unless_it_is_configured() -> None:
    code = "import sys, engine.cli.serve; sys.exit(any('opentelemetry' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
