"""Errors of the trainers' paths name the request's own field, and the value that stood there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runtimes import no_slot_in_it

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel, no_slot_in_it]

SAID = {"output": [{"type": "message", "content": "x"}]}
NOT_PYTHON = {"program": "x", "tests": ["assert f", "f ="]}
PAIR = {"query": ["ab"], "prompts": ["a"]}
SUBMITTED = {"solution": "x", "type": "math"}
BATCH = [SUBMITTED, {**SUBMITTED, "type": "go"}]
INNER = "label.tests[0].input"


@pytest.mark.parametrize(
    ("path", "fields", "field", "value"),
    [
        ("/test_program", {"program": 3, "tests": []}, "program", 3),
        ("/test_program", {"program": "x", "tests": 3}, "tests", 3),
        ("/test_program", NOT_PYTHON, "tests[1]", "f ="),
        (
            "/test_program",
            {"program": "x", "tests": ["assert f"], "max_execution_time": 1e9},
            "max_execution_time",
            1e9,
        ),
        (
            "/test_program",
            {"program": "x", "tests": ["assert f"], "max_execution_time": -1},
            "max_execution_time",
            -1.0,
        ),
        ("/test_program_stdio", {"program": "x", "tests": [{"input": 3, "output": ""}]}, "tests[0].input", 3),
        ("/test_program_stdio", {"program": "x", "tests": [{"input": "", "output": 3}]}, "tests[0].output", 3),
        ("/slime", {"response": 3, "label": 1}, "response", 3),
        ("/slime", {"response": "x", "label": {"tests": 3}}, "label.tests", 3),
        ("/slime", {"response": "x", "label": {"tests": [{"stdin": 3}]}}, INNER, None),
        ("/slime", {"response": "x", "label": None}, "label", None),
        ("/get_reward", {**PAIR, "labels": [None]}, "labels[0]", None),
        ("/get_reward", {**PAIR, "labels": [{"tests": 3}]}, "labels[0].tests", 3),
        ("/get_reward", {"query": ["b"], "prompts": ["a"], "labels": [1]}, "query[0]", "b"),
        ("/get_reward", {"query": ["b"], "prompts": [""], "labels": [1]}, "prompts[0]", ""),
        ("/get_reward", {"query": 3, "prompts": [], "labels": []}, "query", 3),
        ("/verify", {"response": {"output": 3}}, "response.output", 3),
        ("/verify", {"response": SAID}, "verifier_metadata", "[]"),
        ("/verify", {"response": SAID, "expected_answer": []}, "expected_answer", "[]"),
        ("/verify", {"response": SAID, "verifier_metadata": {"tests": 3}}, "verifier_metadata.tests", 3),
        (
            "/verify",
            {"response": SAID, "verifier_metadata": {"unit_tests": {"inputs": ["1"], "outputs": []}}},
            "verifier_metadata.unit_tests.outputs",
            0,
        ),
        ("/judge", {"solution": "x", "type": "go"}, "type", "go"),
        ("/judge/batch", {"submissions": BATCH}, "submissions[1].type", "go"),
    ],
)
def test_the_field_is_the_request_s_own(
    daemon: Daemon, path: str, fields: dict[str, Any], field: str, value: object
) -> None:
    status, answer = daemon.post(path, fields)
    assert status == 422, answer
    assert (answer["error"]["field"], answer["error"]["value"]) == (field, value)
