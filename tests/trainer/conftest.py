"""One tiny model, and one engine of each kind, for all tests: vLLM is a process's own, and takes seconds to start."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from trainer.config import TrainerConfig
from trainer.rollouts import RolloutEngine
from trainer.tables import ModelConfig, RolloutsConfig, WeightsConfig

# Before anything imports transformers or torch. Two threads of so small a model wait for each other.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.support.training import prompts
from trainer import Trainer
from trainer.policy import Policy
from trainer.rewards import RewardFunction
from trainer.rollout_torch import TorchRollouts
from trainer.rollout_vllm import VLLMRollouts
from trainer.rollout_vllm_async import AsyncVLLMRollouts
from trainer.tasks.tiny import make_tiny_model

STOP = 1
NewVLLM = Callable[..., VLLMRollouts]
NewTrainer = Callable[..., Trainer]
_Engine = TypeVar("_Engine", bound=RolloutEngine)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two layers whose head is its embedding."""
    directory = tmp_path_factory.mktemp("tiny-model")
    make_tiny_model(directory)
    return directory


@pytest.fixture(scope="session")
def untied_model(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """The same with a head of its own."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    directory = tmp_path_factory.mktemp("untied-model")
    make_tiny_model(directory)
    config = AutoConfig.from_pretrained(directory)
    config.tie_word_embeddings = False
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def new_vllm() -> Iterator[NewVLLM]:
    """A VLLMRollouts of a model. The first of a process costs seconds, each other a fraction of one.

    All are closed at the end: with any of them ends what vLLM keeps for the whole process.
    """
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("needs vllm: make trainer")
    engines: list[VLLMRollouts] = []

    def new(path: Path, dtype: str = "float32", temperature: float = 1.0, transfer: str = "auto") -> VLLMRollouts:
        model = ModelConfig(path=str(path), dtype=dtype)  # type: ignore[arg-type]
        rollouts = RolloutsConfig(kv_cache_bytes=32 << 20, temperature=temperature)
        weights = WeightsConfig(transfer=transfer)  # type: ignore[arg-type]
        engines.append(VLLMRollouts(TrainerConfig(model=model, rollouts=rollouts, weights=weights), [STOP]))
        return engines[-1]

    yield new
    for engine in engines:
        engine.close()


@pytest.fixture(scope="session")
def one_vllm(new_vllm: NewVLLM, tiny_model: Path) -> VLLMRollouts:
    return new_vllm(tiny_model)


@pytest.fixture(scope="session")
def one_async(tiny_model: Path) -> Iterator[AsyncVLLMRollouts]:
    """Half a minute to start: the only one of the session that is not thorough."""
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("needs vllm: make trainer")
    rollouts = RolloutsConfig(engine="vllm-async", kv_cache_bytes=32 << 20)
    engine = AsyncVLLMRollouts(TrainerConfig(model=ModelConfig(path=str(tiny_model)), rollouts=rollouts), [STOP])
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def one_torch(tiny_model: Path) -> TorchRollouts:
    return TorchRollouts(TrainerConfig(model=ModelConfig(path=str(tiny_model))), [STOP])


@pytest.fixture(params=["vllm", pytest.param("async", marks=pytest.mark.timeout(400)), "torch"])
def engine(request: pytest.FixtureRequest, tiny_model: Path) -> Iterator[RolloutEngine]:
    """Each kind of engine; the next test finds the tiny model's own weights again."""
    engine: RolloutEngine = request.getfixturevalue(f"one_{request.param}")
    yield from _restored(engine, tiny_model)


@pytest.fixture
def vllm_engine(one_vllm: VLLMRollouts, tiny_model: Path) -> Iterator[VLLMRollouts]:
    """The one on vLLM; the next test finds the tiny model's own weights again."""
    yield from _restored(one_vllm, tiny_model)


@pytest.fixture
def async_engine(one_async: AsyncVLLMRollouts, tiny_model: Path) -> Iterator[AsyncVLLMRollouts]:
    """The one on AsyncLLM; the next test finds the tiny model's own weights again."""
    yield from _restored(one_async, tiny_model)


def _restored(engine: _Engine, model: Path) -> Iterator[_Engine]:
    yield engine
    assert engine.step() == [], "the test left requests under way"
    engine.load(Policy(ModelConfig(path=str(model))).weights, 0)


@pytest.fixture
def policy(tiny_model: Path) -> Policy:
    """The trainer's side, with the tiny model's own weights."""
    return Policy(ModelConfig(path=str(tiny_model)))


@pytest.fixture
def new_trainer(tiny_model: Path, tmp_path: Path) -> Iterator[NewTrainer]:
    """A small run in a directory of its own; keys of the configuration as `rewards__address`."""
    made: list[Trainer] = []

    def new(reward: RewardFunction | None, **overrides: Any) -> Trainer:
        config = TrainerConfig.load(
            None,
            {
                "run.directory": str(tmp_path / "run"),
                "run.iterations": 3,
                "model.path": str(tiny_model),
                "rollouts.engine": "torch",
                "rollouts.groups_per_iteration": 4,
                "rollouts.rollouts_per_group": 4,
                "rollouts.max_tokens": 12,
                "update.learning_rate": 1e-3,
                **{key.replace("__", "."): value for key, value in overrides.items()},
            },
        )
        given = None if config.prompts.path else prompts()
        made.append(Trainer(config, prompts=given, reward=reward))
        return made[-1]

    yield new
    for trainer in made:
        trainer.close()
