"""NeMo-Gym's requests, after its source (0.5.1), and NeMo-RL's own interface; needs nemo_rl, tried with 0.6.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine import BadInput, SandboxError
from rewards.adapters import nemo_rl
from rewards.adapters.samples import ADDRESS

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

TESTS = {"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]}
DOUBLES = "```python\nprint(int(input()) * 2)\n```"
FIGURE = "See the figure."


def asked(text: str, **right: Any) -> dict[str, Any]:
    """As an agent of NeMo-Gym asks: a response of OpenAI's Responses API beside what is right."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
    reasoning = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "\\boxed{9}"}]}
    response = {"id": "resp_1", "object": "response", "model": "m", "output": [reasoning, message]}
    return {"responses_create_params": {"input": [{"role": "user", "content": "?"}]}, "response": response, **right}


@pytest.mark.parametrize(
    ("text", "right", "reward"),
    [
        (DOUBLES, {"verifier_metadata": {"unit_tests": {**TESTS, "fn_name": None}, "difficulty": "easy"}}, 1.0),
        ("```python\nprint(2)\n```", {"verifier_metadata": {"unit_tests": TESTS}}, 0.0),
        ("\\boxed{4}", {"expected_answer": "4", "question": "2 + 2?"}, 1.0),
        ("\\boxed{5}", {"expected_answer": "4", "question": "2 + 2?"}, 0.0),
        ("\\boxed{4}", {"verifier_metadata": {"answer": "4"}}, 1.0),
        ("", {"expected_answer": "4"}, 0.0),
    ],
)
def test_gym_verifies(daemon: Daemon, text: str, right: dict[str, Any], reward: float) -> None:
    body = asked(text, **right)
    verdict = "ACCEPTED" if reward else "WRONG_ANSWER"
    assert daemon.post("/seed_session", {"responses_create_params": {}}) == (200, {})
    assert daemon.post("/verify", body) == (200, {**body, "reward": reward, "verdict": verdict})


def test_gym_is_told_what_has_no_reward(daemon: Daemon) -> None:
    status, answer = daemon.post("/verify", asked("\\boxed{4}", expected_answer=FIGURE))
    assert status == 503
    assert "undecided" in answer["error"]["message"]
    for wrong, field in (
        ({}, "verifier_metadata"),
        ({"response": {}}, "response.output"),
        ({"response": None}, "response"),
        (
            {"response": {"output": [{"type": "message", "content": [{"type": "output_text", "text": 4}]}]}},
            "response.output[0].content",
        ),
        ({"response": {"output": [{"type": "message", "content": 4}]}}, "response.output[0].content"),
        ({"response": {"output": [{"type": "message", "content": ["4"]}]}}, "response.output[0].content"),
        (
            {"response": {"output": [{"type": "message", "content": [{"type": "output_text"}]}]}},
            "response.output[0].content",
        ),
    ):
        status, answer = daemon.post("/verify", {**asked("4"), **wrong})
        assert (status, answer["error"]["field"]) == (422, field)


def test_without_nemo_rl_the_module_is_imported() -> None:
    assert not hasattr(nemo_rl, "another")


@pytest.mark.filterwarnings("default")
def test_rl_steps(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nemo_rl.environments.interfaces", reason="needs nemo_rl")
    monkeypatch.setenv(ADDRESS, daemon.address)
    environment = nemo_rl.Environment({})

    def log(text: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}]

    metadata: list[dict[str, Any]] = [{"ground_truth": "4"}, {"ground_truth": TESTS}, {"answer": "4"}]
    found = environment.step([log("\\boxed{4}"), log(DOUBLES), log("\\boxed{5}")], metadata)
    assert found.rewards.tolist() == [1.0, 1.0, 0.0]
    assert found.terminateds.tolist() == [1.0, 1.0, 1.0]
    assert found.metadata == metadata
    assert [each["content"] for each in found.observations] == ["ACCEPTED", "ACCEPTED", "WRONG_ANSWER"]
    assert environment.global_post_process_and_metrics({"rewards": found.rewards})[1]["accuracy"] == pytest.approx(
        2 / 3
    )
    with pytest.raises(SandboxError, match=r"no reward for \[1\]: undecided"):
        environment.step([log("\\boxed{4}")] * 2, [{"ground_truth": "4"}, {"ground_truth": FIGURE}])
    with pytest.raises(BadInput) as caught:
        environment.step([log("\\boxed{4}")] * 2, [{"ground_truth": "4"}, {}])
    assert caught.value.field == "[1].columns"
    assert hasattr(nemo_rl.AssayEnvironment, "remote")
