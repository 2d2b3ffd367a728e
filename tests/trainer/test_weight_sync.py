"""The probe sees every way of being stale, and no right sync is taken for one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from tests.support.rollouts import PROMPT, changed
from tests.trainer.conftest import STOP, NewVLLM
from trainer.config import TrainerConfig
from trainer.errors import RolloutsFailed, StaleWeights
from trainer.policy import Policy
from trainer.rollout_torch import TorchRollouts
from trainer.rollout_vllm import VLLMRollouts
from trainer.rollouts import RolloutEngine, Weights, Within, no_deadline
from trainer.tables import ModelConfig
from trainer.weights import WeightSync


def synced(engine: RolloutEngine, policy: Policy, dtype: str = "float32", deadline_seconds: float = 60) -> WeightSync:
    return WeightSync(
        engine,
        policy.weights,
        policy.response_distributions,
        np.asarray(PROMPT, np.int32),
        dtype=dtype,
        deadline_seconds=deadline_seconds,
    )


@pytest.fixture
def sync(engine: RolloutEngine, policy: Policy) -> Iterator[WeightSync]:
    sync = synced(engine, policy)
    assert sync.probe(0) < 1e-5
    yield sync
    sync.close()


def test_right_syncs_pass_whatever_the_update_was(sync: WeightSync, policy: Policy) -> None:
    for version, size in enumerate((0.0, 1e-7, 1e-4, 1e-2, 0.1), 1):
        changed(policy, size)
        assert sync.sync(version) < 1e-4


@pytest.mark.parametrize("only", ["", "embed_tokens", "layers.0.self_attn.k_proj.weight", "layers.1.mlp", "model.norm"])
def test_an_update_left_out_is_seen(sync: WeightSync, policy: Policy, only: str) -> None:
    changed(policy, 0.05, only=only)
    with pytest.raises(StaleWeights, match="does not sample from version 1"):
        sync.probe(1)
    assert sync.sync(1) < 1e-4


def test_a_tensor_left_out_is_seen(engine: RolloutEngine, sync: WeightSync, policy: Policy) -> None:
    old = {name: tensor.clone() for name, tensor in policy.weights()}
    changed(policy, 0.05)
    for name in (
        "model.embed_tokens.weight",
        "model.layers.0.mlp.down_proj.weight",
        "model.layers.1.self_attn.q_proj.bias",
    ):
        engine.load(lambda name=name: iter((dict(policy.weights()) | {name: old[name]}).items()), 1)
        with pytest.raises(StaleWeights, match="does not sample from version 1"):
            sync.probe(1)
    assert sync.sync(1) < 1e-4


def test_rounded_weights_are_seen_in_float32(engine: RolloutEngine, sync: WeightSync, policy: Policy) -> None:
    engine.load(lambda: ((name, tensor.bfloat16()) for name, tensor in policy.weights()), 1)
    with pytest.raises(StaleWeights, match="does not sample from version 1"):
        sync.probe(1)


def test_a_cache_that_is_not_emptied_is_seen(
    vllm_engine: VLLMRollouts, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = synced(vllm_engine, policy)
    sync.probe(0)
    # Keys and values alone: a probe shorter than a block would compute them anew.
    changed(policy, 0.05, only="embed_tokens")
    with monkeypatch.context() as patch:
        patch.setattr(vllm_engine._engine, "reset_prefix_cache", lambda: True)
        with pytest.raises(StaleWeights, match="does not sample from version 1"):
            sync.sync(1)
    assert sync.sync(1) < 1e-4
    sync.close()


def test_a_cache_that_cannot_be_emptied_is_an_error(
    vllm_engine: VLLMRollouts, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_engine._engine, "reset_prefix_cache", lambda: False)
    with pytest.raises(RolloutsFailed, match="keeps what it cached"):
        vllm_engine.load(policy.weights, 1)


def test_a_head_of_its_own_is_seen(untied_model: Path, new_vllm: NewVLLM) -> None:
    policy = Policy(ModelConfig(path=str(untied_model)))
    sync = synced(new_vllm(untied_model), policy)
    assert sync.probe(0) < 1e-5
    changed(policy, 0.05, only="lm_head")
    with pytest.raises(StaleWeights):
        sync.probe(1)
    assert sync.sync(1) < 1e-4
    sync.close()


@pytest.fixture(scope="module")
def short_engines(untied_model: Path, new_vllm: NewVLLM) -> dict[str, RolloutEngine]:
    return {
        "vllm": new_vllm(untied_model, dtype="bfloat16"),
        "torch": TorchRollouts(TrainerConfig(model=ModelConfig(path=str(untied_model), dtype="bfloat16")), [STOP]),
    }


@pytest.fixture(params=["vllm", "torch"])
def short_engine(
    request: pytest.FixtureRequest, short_engines: dict[str, RolloutEngine], short_policy: Policy
) -> RolloutEngine:
    """In bfloat16, with the weights that the policy begins with."""
    engine = short_engines[request.param]
    engine.load(short_policy.weights, 0)
    return engine


@pytest.fixture
def short_policy(untied_model: Path) -> Policy:
    return Policy(ModelConfig(path=str(untied_model), dtype="bfloat16"))


def test_right_syncs_pass_in_a_short_dtype_though_rounding_is_more_than_the_update(
    short_engine: RolloutEngine, short_policy: Policy
) -> None:
    sync = synced(short_engine, short_policy, "bfloat16")
    sync.probe(0)
    for version in range(1, 40):
        changed(short_policy, 10 ** (-6 + version / 10), seed=version)
        sync.sync(version)
    sync.close()


def test_right_syncs_pass_in_float16(untied_model: Path, new_vllm: NewVLLM) -> None:
    policy = Policy(ModelConfig(path=str(untied_model), dtype="float16"))
    sync = synced(new_vllm(untied_model, dtype="float16"), policy, "float16")
    sync.probe(0)
    for version in range(1, 10):
        changed(policy, 10 ** (-4 + version / 4), seed=version)
        sync.sync(version)
    sync.close()


@pytest.mark.parametrize(
    ("size", "how"), [(1e-4, "an earlier version"), (1e-3, "an earlier version"), (0.1, "does not sample")]
)
def test_an_engine_that_stays_behind_in_a_short_dtype_is_found_out(
    short_engine: RolloutEngine, short_policy: Policy, size: float, how: str
) -> None:
    sync = synced(short_engine, short_policy, "bfloat16")
    sync.probe(0)
    changed(short_policy, 0.01)
    sync.sync(1)

    def stays_behind() -> None:
        for version in range(2, 200):
            changed(short_policy, size, seed=version)
            sync.probe(version)

    with pytest.raises(StaleWeights, match=how):
        stays_behind()
    sync.close()


def test_garbage_is_seen_at_once_in_a_short_dtype(short_engine: RolloutEngine, short_policy: Policy) -> None:
    sync = synced(short_engine, short_policy, "bfloat16")
    sync.probe(0)
    short_engine.load(lambda: ((name, torch.randn_like(tensor)) for name, tensor in short_policy.weights()), 1)
    with pytest.raises(StaleWeights, match="does not sample from version 1"):
        sync.probe(1)
    sync.close()


def test_a_logprob_that_is_no_number_is_stale(engine: RolloutEngine, sync: WeightSync, policy: Policy) -> None:
    def without_numbers(prompt: Sequence[int], responses: Sequence[Sequence[int]]) -> Any:
        return [np.full((len(response), 128), np.nan, np.float32) for response in responses]

    cast("Any", sync)._distributions = without_numbers
    with pytest.raises(StaleWeights, match="nan"):
        sync.probe(1)


class Hangs:
    """An engine one of whose steps never ends."""

    block_tokens = 0
    context_tokens = 64

    def __init__(self) -> None:
        self.released = threading.Event()

    def load(self, weights: Weights, version: int, within: Within = no_deadline) -> None:
        within("a first thing", lambda: None)
        within("a thing that hangs", self.released.wait)


def test_a_step_past_its_deadline_says_what_was_waited_for(policy: Policy) -> None:
    engine = Hangs()
    sync = synced(cast("RolloutEngine", engine), policy, deadline_seconds=0.2)
    with pytest.raises(StaleWeights, match=r"waited 0\.2 s \(weights\.deadline_seconds\) for a thing that hangs"):
        sync.sync(1)
    sync.close()
    engine.released.set()
