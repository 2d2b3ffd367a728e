"""OpenRLHF's own executor with Assay's rewards, by the file and by `/get_reward`; needs openrlhf, tried with 0.11.2."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import rewards.adapters.openrlhf
from engine import BadInput, SandboxError
from rewards.adapters.openrlhf import items_of_batch
from rewards.adapters.samples import ADDRESS

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

PROMPT = "2 + 2? Answer in \\boxed{}."
TESTS = json.dumps({"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]})
DOUBLES = "```python\nprint(int(input()) * 2)\n```"


class Letters:
    """A tokenizer whose tokens are letters, and 0, which begins a text."""

    def __call__(self, text: str, **options: Any) -> Any:
        import torch

        return {"input_ids": torch.tensor([[0, *map(ord, text)]])}

    def decode(self, ids: list[int], **options: Any) -> str:
        return "".join(map(chr, ids)).replace("\0", "<s>")


class Says:
    """In place of vLLM: the same answer to everything."""

    def __init__(self, answer: str) -> None:
        self._tokens = list(map(ord, answer))

    async def generate(self, tokens: Any, params: Any, **options: Any) -> Any:
        return SimpleNamespace(outputs=[SimpleNamespace(token_ids=self._tokens, finish_reason="stop", logprobs=None)])


@pytest.fixture(params=["file", "url"])
def rollout(request: pytest.FixtureRequest, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An answer and a label, rolled out by OpenRLHF as far as its experience."""
    pytest.importorskip("openrlhf", reason="needs openrlhf")
    agent = pytest.importorskip("openrlhf.utils.agent", reason="needs what openrlhf.utils.agent imports")
    monkeypatch.setenv(ADDRESS, daemon.address)
    place = rewards.adapters.openrlhf.__file__ if request.param == "file" else f"{daemon.http}/get_reward"
    executor = agent.SingleTurnAgentExecutor(place)

    async def roll_out(answer: str, label: Any) -> Any:
        params = SimpleNamespace(max_tokens=100, logprobs=None)
        return await executor.execute(PROMPT, label, params, 1000, Letters(), Says(answer))

    return roll_out


@pytest.mark.parametrize(
    ("answer", "label", "reward"),
    [
        ("so \\boxed{4}", "4", 1.0),
        ("so \\boxed{5}", "4", 0.0),
        ("so 4", "4", 0.0),
        (DOUBLES, TESTS, 1.0),
        ("```python\nprint(2)\n```", TESTS, 0.0),
    ],
)
async def test_a_rollout_has_its_reward(rollout: Any, answer: str, label: str, reward: float) -> None:
    import torch

    found = await rollout(answer, label)
    # What its generator of samples makes of them, and its filter of groups.
    assert torch.tensor([found["reward"]]).flatten().tolist() == [reward]
    assert torch.tensor([found["scores"]])[0].item() == reward


async def test_what_has_no_reward_has_none_in_openrlhf_either(rollout: Any) -> None:
    found = await rollout("so \\boxed{4}", "See the figure.")
    assert found["reward"] is None
    assert found["scores"] is None


def test_the_route_without_openrlhf(daemon: Daemon) -> None:
    asked = {"query": [f"<s>{PROMPT}\\boxed{{4}}</s>", PROMPT], "prompts": [PROMPT, PROMPT], "labels": ["4", "4"]}
    assert daemon.post("/get_reward", asked) == (200, {"rewards": [1.0, 0.0], "scores": [1.0, 0.0], "extra_logs": {}})
    status, answer = daemon.post("/get_reward", {**asked, "labels": ["4", "See the figure."]})
    assert status == 503
    assert "no reward: undecided" in answer["error"]["message"]
    for wrong, field in (
        ({"labels": ["4"]}, "labels"),
        ({"query": ["", ""]}, "query[0]"),
        ({"query": 1}, "query"),
        ({"prompts": ["", ""]}, "prompts[0]"),
    ):
        status, answer = daemon.post("/get_reward", {**asked, **wrong})
        assert (status, answer["error"]["field"]) == (422, field)


def test_the_prompt_is_no_answer() -> None:
    (item,) = items_of_batch([f"<s>{PROMPT}4"], [PROMPT], ["4"])
    assert item == {"kind": "math", "reference": "4", "completion": "4"}
    with pytest.raises(BadInput, match="expected its prompt in it"):
        items_of_batch(["another"], [PROMPT], ["4"])


def test_the_function_in_tensors(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: make trainer")
    monkeypatch.setenv(ADDRESS, daemon.address)
    found = rewards.adapters.openrlhf.reward_func([f"{PROMPT}\\boxed{{4}}", f"{PROMPT}5"], [PROMPT] * 2, ["4", "4"])
    assert torch.equal(found["rewards"], torch.tensor([1.0, 0.0]))
    assert torch.equal(found["scores"], found["rewards"])
    with pytest.raises(SandboxError, match=r"no reward for queries\[1\]: undecided"):
        rewards.adapters.openrlhf.reward_func([f"{PROMPT}4"] * 2, [PROMPT] * 2, ["4", "See the figure."])
