"""slime's calls, by a stand-in written after its source, version 0.3.1: its package is not on PyPI."""

from __future__ import annotations

import inspect
import json
import math
from argparse import Namespace
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from engine import BadInput, SandboxError
from rewards.adapters.samples import ADDRESS
from rewards.adapters.slime import custom_rm, judged

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

TESTS = json.dumps({"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]})
DOUBLES = "```python\nprint(int(input()) * 2)\n```"
FIGURE = "See the figure."
FILTERS = "slime.rollout.filter_hub.dynamic_sampling_filters"


@dataclass
class Sample:
    """What of slime.utils.types.Sample a reward function meets."""

    response: str = "so \\boxed{4}"
    label: str | None = None
    prompt: str | list[dict[str, str]] = "2 + 2?"
    reward: float | dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def get_reward_value(self, args: Namespace) -> Any:
        return self.reward[args.reward_key] if args.reward_key and isinstance(self.reward, dict) else self.reward


def arguments(**given: Any) -> Namespace:
    return Namespace(**{"reward_key": None, "dynamic_sampling_filter_path": None, **given})


@pytest.fixture(autouse=True)
def address(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, daemon.address)


async def test_one_sample_and_a_group() -> None:
    assert inspect.iscoroutinefunction(custom_rm)
    assert await custom_rm(arguments(), Sample(label="4")) == 1.0
    samples = [
        Sample(label="5"),
        Sample(DOUBLES, label=TESTS),
        Sample(DOUBLES, metadata={"input_output": TESTS}),
        Sample(metadata={"answer": "4", "rm_type": "math"}),
    ]
    assert await custom_rm(arguments(), samples) == [0.0, 1.0, 1.0, 1.0]
    assert await custom_rm(arguments(), []) == []


async def test_a_reward_key() -> None:
    assert await custom_rm(arguments(reward_key="score"), Sample(label="5")) == {
        "score": 0.0,
        "verdict": "WRONG_ANSWER",
    }


async def test_what_was_not_judged_is_dropped_with_its_group() -> None:
    args = arguments(dynamic_sampling_filter_path="rewards.adapters.slime.judged")
    group = [Sample(label="4"), Sample(label=FIGURE)]
    rewards = await custom_rm(args, group)
    assert rewards[0] == 1.0
    assert math.isnan(rewards[1])
    for sample, reward in zip(group, rewards, strict=True):
        sample.reward = reward
    assert not judged(args, group)
    assert judged(args, group[:1])


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"dynamic_sampling_filter_path": f"{FILTERS}.check_reward_nonzero_std_with_fallback"},
        {
            "dynamic_sampling_filter_path": f"{FILTERS}.check_reward_nonzero_std",
            "rollout_function_path": "slime.rollout.fully_async_rollout.generate_rollout_fully_async",
        },
    ],
)
async def test_it_is_raised_where_nan_could_be_trained_on(given: dict[str, str]) -> None:
    with pytest.raises(SandboxError, match="no reward for the completion: undecided"):
        await custom_rm(arguments(**given), Sample(label=FIGURE))


async def test_a_sample_of_which_nothing_says_what_is_right() -> None:
    with pytest.raises(BadInput, match="expected kind") as caught:
        await custom_rm(arguments(), Sample(metadata={"level": 3}))
    assert caught.value.field == "columns"
    with pytest.raises(BadInput) as caught:
        await custom_rm(arguments(), [Sample(label="4"), Sample(metadata={"level": 3})])
    assert caught.value.field == "[1].columns"


def test_remote_rm(daemon: Daemon) -> None:
    for response, label, reward in (("\\boxed{4}", "4", 1.0), ("\\boxed{5}", "4", 0.0), (DOUBLES, TESTS, 1.0)):
        body = {"prompt": [{"role": "user", "content": "?"}], "response": response, "label": label}
        assert daemon.post("/slime", body) == (200, reward)
    status, answer = daemon.post("/slime", {"prompt": "", "response": "\\boxed{4}", "label": FIGURE})
    assert status == 503
    assert "undecided" in answer["error"]["message"]
    status, answer = daemon.post("/slime", {"prompt": "", "response": "\\boxed{4}"})
    assert (status, answer["error"]["field"]) == (422, "label")
