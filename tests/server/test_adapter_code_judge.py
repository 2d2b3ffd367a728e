"""code-judge's requests, after its source, version 0.0.5: its package is not on PyPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

DOUBLES: dict[str, Any] = {"type": "python", "solution": "print(int(input()) * 2)", "input": "2"}
CPP = "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << n * 2 << std::endl; }"


def ask(daemon: Daemon, path: str, **body: Any) -> Any:
    status, answer = daemon.post(path, body)
    assert status == 200, answer
    for each in answer.get("results", [answer]):
        assert each.pop("cost") >= 0
    return answer


def test_one(daemon: Daemon) -> None:
    right = {"sub_id": "a", "success": True, "run_success": True, "reason": ""}
    assert ask(daemon, "/judge", **DOUBLES, sub_id="a", expected_output="4") == right
    assert ask(daemon, "/judge", **DOUBLES, sub_id="a", expected_output="5") == {**right, "success": False}
    nothing = {"type": "python", "solution": " ", "expected_output": ""}
    assert ask(daemon, "/judge", **nothing, sub_id="a") == {**right, "success": False}
    cpp = {"type": "cpp", "solution": CPP, "input": "2", "expected_output": " 4 \n"}
    assert ask(daemon, "/judge", **cpp, sub_id="a") == right
    maths = {"type": "math", "solution": "so \\boxed{0.5}", "expected_output": "1/2"}
    assert ask(daemon, "/judge", **maths, sub_id="a") == right
    assert ask(daemon, "/run", **DOUBLES, sub_id="a") == {**right, "stdout": "4\n", "stderr": ""}
    failed = ask(daemon, "/run", type="python", solution="1/0")
    assert not failed["run_success"]
    assert "ZeroDivisionError" in failed["stderr"]


def test_what_has_no_reward_has_a_reason(daemon: Daemon) -> None:
    figure = {"type": "math", "solution": "\\boxed{4}", "expected_output": "See the figure."}
    assert ask(daemon, "/judge", **figure)["reason"] == "internal_error"
    assert ask(daemon, "/judge", type="math", solution="\\boxed{4}")["reason"] == "invalid_input"


@pytest.mark.parametrize("path", ["/judge/batch", "/judge/long-batch", "/run/batch", "/run/long-batch"])
def test_many(daemon: Daemon, path: str) -> None:
    submissions = [{**DOUBLES, "sub_id": str(n), "input": str(n), "expected_output": "4"} for n in range(20)]
    answer = ask(daemon, path, type="batch", sub_id="b", submissions=submissions)
    assert answer["sub_id"] == "b"
    assert [each["sub_id"] for each in answer["results"]] == [str(n) for n in range(20)]
    assert [each["success"] for each in answer["results"]] == [n == 2 for n in range(20)]


def test_wrong_requests(daemon: Daemon) -> None:
    for path, body, field in (
        ("/judge", {"type": "java", "solution": ""}, "type"),
        ("/judge", {"type": "python"}, "solution"),
        ("/judge/batch", {"submissions": [{"type": "python"}]}, "submissions[0].solution"),
    ):
        status, answer = daemon.post(path, body)
        assert (status, answer["error"]["field"]) == (422, field)
