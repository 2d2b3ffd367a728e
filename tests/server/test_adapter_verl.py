"""verl's reward function, called as verl's reward loop calls it: by name, from a file, in its own event loop."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rewards.adapters.verl
from engine import BadInput, SandboxError
from rewards.adapters import samples
from rewards.adapters.samples import ADDRESS

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

CASES = {"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]}
DOUBLES = "```python\nprint(int(input()) * 2)\n```"


@pytest.fixture
def compute_score(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(ADDRESS, daemon.address)
    path = rewards.adapters.verl.__file__
    assert path is not None
    spec = importlib.util.spec_from_file_location("custom_module", Path(path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert inspect.iscoroutinefunction(module.compute_score)
    return module.compute_score


async def test_tests_and_answers(compute_score: Any) -> None:
    right, wrong = {"score": 1.0, "verdict": "ACCEPTED"}, {"score": 0.0, "verdict": "WRONG_ANSWER"}
    for completion, ground_truth, expected in (
        (DOUBLES, CASES, right),
        (DOUBLES, json.dumps(CASES), right),
        ("```python\nprint(2)\n```", json.dumps(CASES), wrong),
        ("so \\boxed{4}", "4", right),
        ("so \\boxed{5}", "4", wrong),
        ("so \\boxed{\\{1, 2\\}}", "{1, 2}", right),
    ):
        found = await compute_score(
            data_source="taco",
            solution_str=completion,
            ground_truth=ground_truth,
            extra_info={"index": 7, "split": "train", "num_turns": 2, "question": "2 + 2?"},
            reward_router_address=None,
            reward_model_tokenizer=None,
        )
        assert found == expected


async def test_further_fields(compute_score: Any) -> None:
    found = await compute_score("apps", "```python\nprint(2)\n```", CASES, reward="fraction")
    assert found == {"score": 0.5, "verdict": "WRONG_ANSWER"}


async def test_what_has_no_reward_is_an_error(compute_score: Any) -> None:
    with pytest.raises(SandboxError, match="no reward for a completion of math: "):
        await compute_score("math", "\\boxed{4}", "See the figure.")
    with pytest.raises(BadInput) as caught:
        await compute_score("apps", DOUBLES, {"inputs": ["1"]})
    assert "outputs" in f"{caught.value.field} {caught.value.message}"


def test_loops_that_come_and_go_share_one_connection(compute_score: Any, daemon: Daemon) -> None:
    for _ in range(3):
        assert asyncio.run(compute_score("math", "\\boxed{4}", "4"))["score"] == 1.0
    assert [address for _, address, _ in samples._CLIENTS].count(daemon.address) == 1
