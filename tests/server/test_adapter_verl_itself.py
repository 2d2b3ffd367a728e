"""verl's own reward managers with Assay's function, from its own configuration; needs verl, tried with 0.9.1."""

from __future__ import annotations

import importlib.util
import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

if importlib.util.find_spec("verl") is None:
    pytest.skip("needs verl", allow_module_level=True)

with warnings.catch_warnings():
    # Of what verl and Ray import.
    warnings.simplefilter("ignore")
    import numpy as np
    import torch
    from omegaconf import OmegaConf
    from verl import DataProto
    from verl.trainer.ppo.reward import load_reward_manager
    from verl.workers.reward_manager import get_reward_manager_cls

import rewards.adapters.verl
from engine import SandboxError
from rewards.adapters.samples import ADDRESS

if TYPE_CHECKING:
    from tests.server.conftest import Daemon

# verl's own warnings are none of ours.
pytestmark = [pytest.mark.server, pytest.mark.kernel, pytest.mark.filterwarnings("default")]

CASES = {"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]}
DOUBLES = "```python\nprint(int(input()) * 2)\n```"
ROWS: list[tuple[str, Any, float]] = [
    ("so \\boxed{4}", "4", 1.0),
    ("so \\boxed{5}", np.str_("4"), 0.0),
    ("\\boxed{4}", 4, 1.0),
    (DOUBLES, json.dumps(CASES), 1.0),
    (DOUBLES, CASES, 1.0),
    (DOUBLES, {name: np.array(values) for name, values in CASES.items()}, 1.0),
    ("```python\nprint(2)\n```", CASES, 0.0),
]


class Letters:
    """A tokenizer whose tokens are letters."""

    def decode(self, ids: Any, **options: Any) -> str:
        return "".join(map(chr, ids.tolist()))


def config(name: str, manager: str, **kwargs: Any) -> Any:
    function = {"path": rewards.adapters.verl.__file__, "name": name, "reward_kwargs": kwargs}
    reward_manager = {"source": "register", "name": manager}
    return OmegaConf.create({"reward": {"custom_reward_function": function, "reward_manager": reward_manager}})


def batch(rows: list[tuple[str, Any, float]]) -> DataProto:
    width = max(len(completion) for completion, _, _ in rows)
    responses = torch.zeros((len(rows), width), dtype=torch.long)
    mask = torch.zeros((len(rows), 2 + width), dtype=torch.long)
    for row, (completion, _, _) in enumerate(rows):
        responses[row, : len(completion)] = torch.tensor(list(map(ord, completion)))
        mask[row, : 2 + len(completion)] = 1
    prompts = torch.full((len(rows), 2), ord("?"))
    return DataProto.from_dict(
        tensors={"prompts": prompts, "responses": responses, "attention_mask": mask},
        non_tensors={
            "data_source": np.array(["taco"] * len(rows), dtype=object),
            "reward_model": np.array([{"ground_truth": right} for _, right, _ in rows], dtype=object),
            "extra_info": np.array([{"index": row, "split": "train"} for row in range(len(rows))], dtype=object),
        },
    )


@pytest.fixture(autouse=True)
def address(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, daemon.address)


async def test_the_reward_loop() -> None:
    manager = load_reward_manager(config("compute_score", "naive"), Letters())
    assert manager.is_async_reward_score
    data = batch(ROWS)
    found = [await manager.run_single(data[row : row + 1]) for row in range(len(ROWS))]
    assert [each["reward_score"] for each in found] == [reward for _, _, reward in ROWS]
    # The same keys for all samples.
    assert {tuple(each["reward_extra_info"]) for each in found} == {("score", "verdict")}


async def test_further_fields_from_the_configuration() -> None:
    manager = load_reward_manager(config("compute_score", "naive", reward="fraction"), Letters())
    found = await manager.run_single(batch([("```python\nprint(2)\n```", CASES, 0.5)]))
    assert found["reward_score"] == 0.5


async def test_what_has_no_reward_is_an_error() -> None:
    manager = load_reward_manager(config("compute_score", "naive"), Letters())
    with pytest.raises(SandboxError, match="no reward for a completion of taco"):
        await manager.run_single(batch([("\\boxed{4}", "See the figure.", 0.0)]))


def test_a_manager_of_older_verl() -> None:
    compute_score = rewards.adapters.verl.compute_score_blocking
    manager = get_reward_manager_cls("naive")(tokenizer=Letters(), num_examine=0, compute_score=compute_score)
    found = manager(batch(ROWS), return_dict=True)
    assert found["reward_tensor"].sum(dim=-1).tolist() == [reward for _, _, reward in ROWS]
    assert found["reward_extra_info"]["verdict"][0] == "ACCEPTED"
