"""open-instruct's requests and calls, after its source of August 2026: its package is not on PyPI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine import SandboxError
from rewards.adapters.open_instruct import AssayVerifier
from rewards.adapters.samples import ADDRESS

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

ADD = "def add(a, b):\n    '''```python'''\n    return a + b\n"
ASSERTS = ["assert add(1, 2) == 3", "assert add(1, 2) == 4", "assert add(0, 0) == 0"]
PLUS_ONE = "import sys\nfor line in sys.stdin.read().splitlines():\n    print(int(line) + 1)"
PAIRS = [{"input": "1\n", "output": "2\n"}, {"input": "100\n", "output": "102\n"}, {"input": "4\n", "output": "5.0"}]


def ask(daemon: Daemon, path: str, **body: Any) -> tuple[list[int], list[bool]]:
    """The results, and of which the time is known."""
    status, answer = daemon.post(path, body)
    assert status == 200, answer
    assert list(answer) == ["results", "runtimes"]
    return answer["results"], [seconds > 0 for seconds in answer["runtimes"]]


def test_asserts(daemon: Daemon) -> None:
    for tests in (ASSERTS, json.dumps(ASSERTS)):
        found = ask(daemon, "/test_program", program=ADD, tests=tests, max_execution_time=2.0)
        assert found == ([1, 0, 1], [True, False, True])
    assert ask(daemon, "/test_program", program="def add(", tests=ASSERTS) == ([0, 0, 0], [False] * 3)
    assert ask(daemon, "/test_program", program="", tests=ASSERTS) == ([0, 0, 0], [False] * 3)
    assert ask(daemon, "/test_program", program="import os; os._exit(0)", tests=ASSERTS) == ([0, 0, 0], [False] * 3)


def test_stdio(daemon: Daemon) -> None:
    found = ask(daemon, "/test_program_stdio", program=PLUS_ONE, tests=PAIRS, max_execution_time=2.0)
    assert found == ([1, 0, 1], [True, False, True])
    status, answer = daemon.post("/test_program_stdio", {"program": PLUS_ONE, "tests": [{"input": "1"}]})
    assert (status, answer["error"]["field"]) == (422, "tests[0]")


async def test_a_verifier(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, daemon.address)
    verifier = AssayVerifier()
    result = await verifier.async_call([1], "\\boxed{4}", "4", "2 + 2?", None)
    assert (result.score, result.reasoning) == (1.0, "ACCEPTED")
    assert verifier([1], "\\boxed{5}", "4").score == 0.0
    with pytest.raises(SandboxError, match="no reward for the prediction: undecided"):
        await verifier.async_call([1], "\\boxed{4}", "See the figure.")
