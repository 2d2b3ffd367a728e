"""SkyRL's own registry and environment; needs skyrl_gym, tried with 0.4.0."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from engine import BadInput, SandboxError
from rewards.adapters import skyrl
from rewards.adapters.samples import ADDRESS

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]

TESTS = {"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]}
DOUBLES = "```python\nprint(int(input()) * 2)\n```"


def test_without_skyrl_the_module_is_imported() -> None:
    assert not hasattr(skyrl, "another")


@pytest.fixture
def make(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Any:
    gym = pytest.importorskip("skyrl_gym", reason="needs skyrl_gym")
    monkeypatch.setenv(ADDRESS, daemon.address)
    gym.register(id="assay", entry_point="rewards.adapters.skyrl:AssayEnv")
    yield lambda **extras: gym.make("assay", env_config=None, extras=extras)
    gym.envs.deregister("assay")


@pytest.mark.parametrize(
    ("extras", "action", "reward"),
    [
        ({"reward_spec": {"method": "rule", "ground_truth": "4"}}, "\\boxed{4}", 1.0),
        ({"reward_spec": {"method": "rule", "ground_truth": "4"}}, "\\boxed{5}", 0.0),
        ({"reward_spec": {"ground_truth": json.dumps(TESTS)}, "data_source": "lcb"}, DOUBLES, 1.0),
        ({"answer": "4", "max_turns": 1}, "\\boxed{4}", 1.0),
        (TESTS, DOUBLES, 1.0),
    ],
)
def test_one_turn(make: Any, extras: dict[str, Any], action: str, reward: float) -> None:
    env = make(**extras)
    prompt, _ = env.init([{"role": "user", "content": "?"}])
    assert prompt == [{"role": "user", "content": "?"}]
    verdict = "ACCEPTED" if reward else "WRONG_ANSWER"
    assert env.step(action) == {"observations": [], "reward": reward, "done": True, "metadata": {"verdict": verdict}}
    assert env.get_metrics() == {}
    env.close()
    assert pickle.loads(pickle.dumps(type(env))) is type(env)


def test_what_has_no_reward_is_an_error(make: Any) -> None:
    with pytest.raises(SandboxError, match="undecided"):
        make(reward_spec={"ground_truth": "See the figure."}).step("\\boxed{4}")
    with pytest.raises(BadInput, match="expected a map with ground_truth"):
        make(reward_spec={}).step("\\boxed{4}")
