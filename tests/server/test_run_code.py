"""`/run_code`, on the wire and through the real client of SandboxFusion, unchanged."""

from __future__ import annotations

import base64
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
import sandbox_fusion

from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def ask(daemon: Daemon, **fields: Any) -> Any:
    status, answer = daemon.post("/run_code", {"language": "python", **fields})
    assert status == 200, answer
    return answer


def test_the_whole_answer(daemon: Daemon) -> None:
    answer = ask(daemon, code="print(input())", stdin="hi")
    seconds = answer["run_result"].pop("execution_time")
    assert 0 < seconds < 5
    assert answer == {
        "status": "Success",
        "message": "",
        "compile_result": None,
        "run_result": {"status": "Finished", "return_code": 0, "stdout": "hi\n", "stderr": ""},
        "executor_pod_name": None,
        "files": {},
    }


@no_slot_in_it
def test_the_schema_is_as_lax_as_theirs(daemon: Daemon) -> None:
    answer = ask(
        daemon,
        code="print(repr(input()))",
        run_timeout="5",
        compile_timeout="2.5",
        memory_limit_MB="512",
        stdin=None,
        unknown={"field": [1]},
        files={"IGNORE_THIS_FILE_x": "!", "null": None},
        fetch_files=["IGNORE_THIS_FILE"],
    )
    assert answer["status"] == "Failed"
    assert "EOFError" in answer["run_result"]["stderr"]
    assert ask(daemon, code="", memory_limit_MB=None)["status"] == "Success"
    assert ask(daemon, code="", memory_limit_MB=-1)["status"] == "Success"
    assert ask(daemon, code="", memory_limit_MB=256.0)["status"] == "Success"


@no_slot_in_it
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "code"),
        ({"code": 5}, "code"),
        ({"code": "", "language": None}, "language"),
        ({"code": "", "language": "js"}, "language"),
        ({"code": "", "language": "Python"}, "language"),
        ({"code": "", "language": "c"}, "language"),
        ({"code": "", "run_timeout": "soon"}, "run_timeout"),
        ({"code": "", "run_timeout": None}, "run_timeout"),
        ({"code": "", "run_timeout": 0}, "run_timeout"),
        ({"code": "", "run_timeout": 1e9}, "run_timeout"),
        ({"code": "", "compile_timeout": -1}, "compile_timeout"),
        ({"code": "", "memory_limit_MB": 1 << 30}, "memory_limit_MB"),
        ({"code": "", "stdin": 5}, "stdin"),
        ({"code": "", "files": {"a": "abc"}}, "files.a"),
        ({"code": "", "files": {"a": "not base64!!"}}, "files.a"),
        ({"code": "", "files": {"a": "YWJj\u00e9YWJj"}}, "files.a"),
        ({"code": "", "files": {"a": "YWJj-_=="}}, "files.a"),
        ({"code": "", "files": {"/etc/passwd": ""}}, "files./etc/passwd"),
        ({"code": "", "files": {"../x": ""}}, "files.../x"),
        ({"code": "", "files": {"/run/shm": ""}}, "files./run/shm"),
        ({"code": "", "files": {"/tmp": ""}}, "files./tmp"),
        ({"code": "", "files": {"main.py": ""}}, "files.main.py"),
        ({"code": "", "files": {"./a": "", "a/b": ""}}, "files../a"),
        ({"code": "", "files": {str(n): "" for n in range(1001)}}, "files"),
        ({"code": "", "fetch_files": ["../x"]}, "fetch_files"),
        ({"code": "", "fetch_files": ["/etc/passwd"]}, "fetch_files"),
        ({"code": "", "fetch_files": [5]}, "fetch_files[0]"),
    ],
)
def test_a_wrong_request_is_422_with_a_detail_list(daemon: Daemon, fields: dict[str, Any], field: str) -> None:
    status, answer = daemon.post("/run_code", {"language": "python", **fields})
    assert status == 422
    assert answer["detail"][0]["loc"] == ["body", field]
    assert answer["error"]["field"] == field
    if field in fields and not isinstance(fields[field], dict | list):
        assert answer["error"]["value"] == fields[field]


@no_slot_in_it
def test_a_lone_surrogate_is_422(daemon: Daemon) -> None:
    status, answer = daemon.post("/run_code", b'{"language": "python", "code": "\\ud800"}')
    assert status == 422
    assert answer["detail"][0]["loc"] == ["body", "code"]


@no_slot_in_it
@pytest.mark.parametrize("language", ["julia", "swift", "lean", "cuda"])
def test_a_language_of_theirs_that_does_not_run_here_is_said(daemon: Daemon, language: str) -> None:
    answer = ask(daemon, code="", language=language)
    assert answer["status"] == "SandboxError"
    assert f"{language!r} does not run here" in answer["message"]
    assert "python" in answer["message"]
    assert answer["run_result"] is None


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "print(1 + 1)"),
        ("cpp", "#include <iostream>\nint main() { std::cout << 1 + 1 << std::endl; }"),
        ("nodejs", "console.log(1 + 1)"),
        ("bash", "echo $((1 + 1))"),
    ],
)
def test_every_language_here(daemon: Daemon, language: str, code: str) -> None:
    answer = ask(daemon, code=code, language=language, memory_limit_MB=1024)
    assert answer["status"] == "Success"
    assert answer["run_result"]["stdout"] == "2\n"
    assert (answer["compile_result"] is not None) == (language == "cpp")


def test_paths_as_they_are_sent(daemon: Daemon) -> None:
    code = (
        "import helper, os; print(helper.x, open('./d/t').read(), open('/work/w').read());"
        "os.chmod('w', 0o600); os.makedirs('/tmp/o'); open('/tmp/o/f', 'w').write('f');"
        "open('a', 'wb').write(b'\\xff');"
        "os.symlink('/etc/passwd', 'link')"
    )
    answer = ask(
        daemon,
        code=code,
        files={"helper.py": encoded(b"x = 7"), "./d/../d/t": encoded(b"t"), "/work/w": encoded(b"w")},
        fetch_files=["./a", "/tmp/o/f", "missing", "/tmp/o", "link", "d/t", "../tmp/o/f"],
    )
    assert answer["run_result"]["stdout"] == "7 t w\n", answer
    assert answer["files"] == {
        "./a": encoded(b"\xff"),
        "/tmp/o/f": encoded(b"f"),
        "d/t": encoded(b"t"),
        "../tmp/o/f": encoded(b"f"),
    }


@pytest.mark.parametrize("language", ["python", "cpp"])
def test_files_go_wherever_a_program_may_write_and_are_its_own(daemon: Daemon, language: str) -> None:
    places = ("/mnt/data/in", "/tmp/in", "/var/tmp/d/in", "/home/in", "/dev/shm/in", "/run/in")
    code = {
        "python": "import os\n"
        f"for place in {places}:\n"
        "    assert os.stat(place).st_uid == os.getuid() and os.stat(os.path.dirname(place))\n"
        "    open(place, 'a').write('!'); open(os.path.join('/mnt', 'out'), 'w').write('out')\n",
        "cpp": "#include <fstream>\nint main() {"
        + "".join(f'std::ofstream("{place}", std::ios::app) << "!";' for place in places)
        + 'std::ofstream("/mnt/out") << "out"; }',
    }
    answer = ask(
        daemon,
        code=code[language],
        language=language,
        files=dict.fromkeys(places, encoded(b"in")),
        fetch_files=[*places, "/mnt/out"],
    )
    assert answer["status"] == "Success", answer
    assert answer["files"] == {**dict.fromkeys(places, encoded(b"in!")), "/mnt/out": encoded(b"out")}


def test_files_are_fetched_after_a_failure_and_a_time_out(daemon: Daemon) -> None:
    failed = ask(daemon, code="open('a', 'w').write('x'); print('before', flush=True); 1/0", fetch_files=["a"])
    assert (failed["status"], failed["files"]) == ("Failed", {"a": encoded(b"x")})
    late = ask(
        daemon,
        code="open('a', 'w').write('x'); print('before', flush=True)\nwhile True: pass",
        run_timeout=1.5,
        fetch_files=["a"],
    )
    assert (late["status"], late["files"]) == ("Failed", {"a": encoded(b"x")})
    assert late["run_result"]["stdout"] == "before\n"


def test_run_timeout_limits_the_clock(daemon: Daemon) -> None:
    late = ask(daemon, code="sleep 0.2", language="bash", run_timeout=0.1)
    assert (late["status"], late["run_result"]["status"]) == ("Failed", "TimeLimitExceeded")
    assert late["run_result"]["return_code"] is None
    # Theirs too: tests/test_run_code.py of SandboxFusion sleeps for 1 s with 0.2.
    late = ask(daemon, code="import time; time.sleep(1); print('never')", run_timeout=0.2)
    assert (late["run_result"]["status"], late["run_result"]["stdout"]) == ("TimeLimitExceeded", "")
    assert late["run_result"]["execution_time"] < 0.6
    assert ask(daemon, code="sleep 0.2", language="bash", run_timeout=2)["status"] == "Success"


def test_broken_lines_of_base64_are_base64(daemon: Daemon) -> None:
    sent = base64.encodebytes(b"x" * 100).decode()
    assert sent.count("\n") == 2
    assert ask(daemon, code="print(len(open('f').read()))", files={"f": sent})["run_result"]["stdout"] == "100\n"


def test_a_compile_time_out_is_failed_without_a_run(daemon: Daemon) -> None:
    loop = "for (int {0} = 0; {0} < 200000; ++{0}) "
    code = f"constexpr int f() {{ int s = 0; {loop.format('i')}{loop.format('j')}s ^= j; return s; }}"
    code += " static_assert(f() == 0); int main() {}"
    answer = ask(daemon, code=code, language="cpp", compile_timeout=0.3)
    assert answer["status"] == "Failed"
    assert answer["run_result"] is None
    assert answer["compile_result"]["status"] == "TimeLimitExceeded"
    assert answer["compile_result"]["return_code"] is None


def test_output_past_the_cap_is_failed(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(config="[server]\nrun_code_output_bytes = 1000\n")
    for code in ("print('x' * 1500)", "print('x' * 10_000_000)"):
        answer = ask(daemon, code=code)
        assert answer["status"] == "Failed"
        assert answer["run_result"]["return_code"] == -signal.SIGXFSZ
        assert answer["run_result"]["stdout"] == "x" * 1000
    assert ask(daemon, code="print('x' * 999)")["status"] == "Success"
    daemon.stop()


@pytest.fixture
def endpoint(daemon: Daemon) -> str:
    assert daemon.http
    sandbox_fusion.set_endpoint(daemon.http)
    return daemon.http


def run(**fields: Any) -> Any:
    return sandbox_fusion.run_code(
        sandbox_fusion.RunCodeRequest(**{"language": "python", **fields}), max_attempts=1, client_timeout=60
    )


@pytest.mark.usefixtures("endpoint")
def test_their_client_runs_code() -> None:
    response = run(code="print(input())", stdin="hi")
    assert response.status == sandbox_fusion.RunStatus.Success
    assert response.run_result.stdout == "hi\n"


@pytest.mark.usefixtures("endpoint")
def test_their_client_runs_many_at_once() -> None:
    requests = [[sandbox_fusion.RunCodeRequest(code=f"print({n})", language="python")] for n in range(40)]
    responses = sandbox_fusion.run_concurrent(sandbox_fusion.run_code, args=requests, concurrency=8)
    assert [int(response.run_result.stdout) for response in responses] == list(range(40))


async def test_their_async_client(endpoint: str) -> None:
    request = sandbox_fusion.RunCodeRequest(code="print('a')", language="python")
    response = await sandbox_fusion.run_code_async(request, endpoint=endpoint, max_attempts=1)
    assert response.run_result.stdout == "a\n"


@pytest.mark.usefixtures("endpoint")
def test_their_client_sends_and_fetches_files() -> None:
    response = run(
        code="open('out', 'wb').write(open('in', 'rb').read()[::-1])",
        files={"in": encoded(b"\x00\xff")},
        fetch_files=["out", "none"],
    )
    assert response.files == {"out": encoded(b"\xff\x00")}


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize(
    ("fields", "summary"),
    [
        ({"code": "print(1)"}, "right"),
        ({"code": "int main() { return x; }", "language": "cpp"}, "compile"),
        ({"code": "while True: pass", "run_timeout": 0.5}, "time"),
        ({"code": "raise SystemExit(3)"}, "run"),
    ],
)
def test_their_client_understands_every_end(fields: dict[str, Any], summary: str) -> None:
    mapping = sandbox_fusion.SummaryMapping(
        Success="right", Failed="?", CompileFailed="compile", CompileTimeout="late", RunFailed="run", RunTimeout="time"
    )
    assert sandbox_fusion.summary_run_code_result(run(**fields), mapping) == summary


@pytest.mark.usefixtures("endpoint")
def test_their_client_sees_exit_codes_signals_and_the_time_limit() -> None:
    assert run(code="raise SystemExit(3)").run_result.return_code == 3
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT):
        killed = run(code=f"import os; os.kill(os.getpid(), {int(number)})")
        assert killed.status == sandbox_fusion.RunStatus.Failed
        assert killed.run_result.return_code == -number
    late = run(code="print('kept', flush=True)\nwhile True: pass", run_timeout=1.5).run_result
    assert (late.status, late.return_code, late.stdout) == ("TimeLimitExceeded", None, "kept\n")
    bomb = run(code="x = bytearray(1 << 40)")
    assert bomb.status == sandbox_fusion.RunStatus.Failed


@pytest.mark.usefixtures("endpoint")
def test_their_client_sees_a_compile_error() -> None:
    response = run(code="int main() { return x; }", language="cpp")
    assert response.status == sandbox_fusion.RunStatus.Failed
    assert response.run_result is None
    assert response.compile_result.status == "Finished"
    assert response.compile_result.return_code == 1
    assert "not declared" in response.compile_result.stderr


@no_slot_in_it
@pytest.mark.usefixtures("endpoint")
def test_output_that_is_not_utf8_is_replaced_whole() -> None:
    response = run(code="import sys; sys.stdout.buffer.write(b'before \\xff after')")
    assert response.status == sandbox_fusion.RunStatus.Success
    assert response.run_result.stdout.startswith("[DecodeError] ")
    assert "before" not in response.run_result.stdout


@no_slot_in_it
@pytest.mark.usefixtures("endpoint")
def test_their_client_is_told_of_a_missing_language() -> None:
    with pytest.raises(Exception, match="does not run here"):
        run(code="package main", language="lean")


def test_what_verl_sends(daemon: Daemon) -> None:
    payload = {
        "compile_timeout": 10,
        "run_timeout": 10,
        "code": "print(int(input()) * 2)",
        "stdin": "21",
        "memory_limit_MB": None,
        "language": "python",
        "files": {},
        "fetch_files": [],
    }
    status, answer = daemon.post("/run_code", json.dumps(payload).encode(), **{"Content-Type": "application/json"})
    assert status == 200
    assert answer["status"] == "Success"
    assert answer["run_result"]["stdout"] == "42\n"
