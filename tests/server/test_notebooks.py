"""`/run_jupyter`, on the wire and through SandboxFusion's client."""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import sandbox_fusion

from engine.languages.table import LANGUAGES
from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel, pytest.mark.crun_is_soak]

PYTHON = LANGUAGES["python"].run[0]


def has(module: str) -> bool:
    """Whether the Python that programs run with has it."""
    return subprocess.run([PYTHON, "-I", "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


needs_ipykernel = pytest.mark.skipif(not has("ipykernel"), reason=f"needs ipykernel for {PYTHON}")


def ask(daemon: Daemon, cells: list[str], **fields: Any) -> Any:
    status, answer = daemon.post("/run_jupyter", {"cells": cells, **fields})
    assert status == 200, answer
    return answer


@needs_ipykernel
def test_cells_share_a_kernel(daemon: Daemon) -> None:
    cells = [
        "import sys, os\na = 'hello'",
        "a",
        "print(a); sys.stderr.write('oh\\n'); os.system('echo from a child')",
        "raise RuntimeError('no')",
        "print(open('in').read() + a); open('/mnt/out', 'w').write('out'); sorted(os.listdir())",
    ]
    files = {"in": base64.b64encode(b"in ").decode()}
    answer = ask(daemon, cells, files=files, fetch_files=["/mnt/out", "missing"])
    first, second, third, fourth, fifth = answer["cells"]
    assert first == {"stdout": "", "stderr": "", "display": [], "error": []}
    assert second["display"] == [{"text/plain": "'hello'"}]
    assert (third["stdout"].split("\n")[0], third["stderr"]) == ("hello", "oh\n")
    assert "from a child" in third["stdout"]
    (error,) = fourth["error"]
    assert (error["ename"], error["evalue"]) == ("RuntimeError", "no")
    assert any("RuntimeError" in line for line in error["traceback"])
    assert (fifth["stdout"], fifth["display"]) == ("in hello\n", [{"text/plain": "['in']"}])
    assert (answer["status"], answer["message"], answer["driver"]["return_code"]) == ("Success", "", 0)
    assert answer["files"] == {"/mnt/out": base64.b64encode(b"out").decode()}
    # And only within a request.
    assert ask(daemon, ["a"])["cells"][0]["error"][0]["ename"] == "NameError"


@needs_ipykernel
def test_commands_need_no_terminal(daemon: Daemon) -> None:
    cells = [
        "word = 'caf\u00e9'\n!echo {word} $word; echo oh >&2; exit 3",
        "_exit_code",
        "lines = !echo a; echo b\nlines",
        "!sleep 60",
        "!seq 30000 | tail -c 200000",
        "!sleep 9 &",
        "[name for name in dir() if 'assay' in name]",
    ]
    said, code, lines, slept, long, behind, names = ask(daemon, cells, cell_timeout=3)["cells"]
    assert (said["stdout"], said["error"]) == ("caf\u00e9 caf\u00e9\noh\n", [])
    assert code["display"] == [{"text/plain": "3"}]
    assert lines["display"] == [{"text/plain": "['a', 'b']"}]
    assert [error["ename"] for error in slept["error"]] == ["TimeoutError"]
    assert long["stdout"].split() == [str(number) for number in range(1, 30001)]
    assert [error["ename"] for error in behind["error"]] == ["OSError"]
    assert names["display"] == [{"text/plain": "[]"}]


@needs_ipykernel
def test_a_cell_s_time_is_its_own(daemon: Daemon) -> None:
    cells = ["a = 1", "while True: pass", "a"]
    one, two, three = ask(daemon, cells, cell_timeout=1)["cells"]
    assert (one["error"], three["display"]) == ([], [{"text/plain": "1"}])
    (error,) = two["error"]
    assert (error["ename"], error["evalue"]) == ("TimeoutError", "cell_timeout of 1 s")
    assert any("KeyboardInterrupt" in line for line in error["traceback"])


@needs_ipykernel
def test_a_kernel_that_cannot_be_stopped_or_dies_is_told(daemon: Daemon) -> None:
    deaf = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    for cell in (deaf, "import os; os._exit(1)"):
        cells = ask(daemon, ["1", cell, "2"], cell_timeout=1)["cells"]
        assert cells[0]["display"] == [{"text/plain": "1"}]
        assert cells[1]["error"][0]["ename"] == ("TimeoutError" if cell is deaf else "DeadKernelError")
        assert cells[2]["error"][0]["ename"] == "DeadKernelError"


@needs_ipykernel
def test_the_total_time_fails_with_empty_cells(daemon: Daemon) -> None:
    answer = ask(daemon, ["print(1)", "import time; time.sleep(60)"], total_timeout=1)
    assert (answer["status"], answer["cells"]) == ("Failed", [])
    assert (answer["driver"]["status"], answer["driver"]["return_code"]) == ("TimeLimitExceeded", None)
    assert answer["driver"]["execution_time"] < 20


@needs_ipykernel
@pytest.mark.skipif(not has("matplotlib"), reason=f"needs matplotlib for {PYTHON}")
def test_their_client_sees_a_plot(daemon: Daemon) -> None:
    cells = ["import matplotlib.pyplot as plt", "plt.plot([1, 2]); plt.show()"]
    request = sandbox_fusion.RunJupyterRequest(cells=cells)
    response = sandbox_fusion.run_jupyter(request, endpoint=daemon.http, max_attempts=1)
    picture = base64.b64decode(response.cells[1].display[0]["image/png"])
    assert picture.startswith(b"\x89PNG")


@no_slot_in_it
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cells": None}, "cells"),
        ({"cells": [1]}, "cells[0]"),
        ({"kernel": "ir"}, "kernel"),
        ({"total_timeout": 0}, "total_timeout"),
        ({"total_timeout": 1e9}, "total_timeout"),
        ({"total_timeout": 600}, "total_timeout"),
        ({"memory_limit_MB": 1 << 30}, "memory_limit_MB"),
        ({"files": {"a": "", "a/b": ""}}, "files.a"),
        ({"cell_timeout": -1}, "cell_timeout"),
        ({"files": {"/etc/x": ""}}, "files./etc/x"),
        ({"fetch_files": ["/etc/passwd"]}, "fetch_files"),
    ],
)
def test_a_wrong_request_names_its_field(daemon: Daemon, fields: dict[str, Any], field: str) -> None:
    status, answer = daemon.post("/run_jupyter", {"cells": ["1"], **fields})
    assert status == 422, answer
    assert answer["detail"][0]["loc"] == ["body", field]
    if field in fields and not isinstance(fields[field], dict | list):
        assert answer["error"]["value"] == fields[field]


@pytest.mark.skipif(has("ipykernel"), reason=f"{PYTHON} has ipykernel")
def test_without_ipykernel_it_is_said_what_to_install(daemon: Daemon) -> None:
    answer = ask(daemon, ["print(1)"])
    assert (answer["status"], answer["cells"]) == ("SandboxError", [])
    assert "apt-get install python3-ipykernel" in answer["message"]
