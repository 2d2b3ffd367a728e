"""The configuration says no before anything is loaded."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.errors import BadInput
from trainer import TrainerConfig
from trainer.config import override


def test_the_defaults_are_one_configuration() -> None:
    assert TrainerConfig.load() == TrainerConfig()


def test_a_file_overrides_and_comes_back_as_resolved(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[run]\niterations = 3\n[rewards]\nweights = { repeat = -0.5 }\n[update]\ntau = 1\n")
    config = TrainerConfig.load(file, {"update.learning_rate": 1e-4, "rewards.weights.length": 0.2})
    assert (config.run.iterations, config.update.tau, config.update.learning_rate) == (3, 1.0, 1e-4)
    assert (config.rewards.weights.repeat, config.rewards.weights.length) == (-0.5, 0.2)
    file.write_bytes(msgspec.toml.encode(config.to_table()))
    assert TrainerConfig.load(file) == config


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("update.tua", 0.1, "update.tua 0.1: unknown key, known are tau, steps"),
        ("updates", {}, "updates {}: unknown key, known are run, model"),
        ("update.tau", "high", "update.tau 'high': expected `float`, got `str`"),
        ("update.tau", 0, "update.tau 0.0: expected a finite number above 0"),
        ("update.tau", float("nan"), "update.tau nan: expected a finite number above 0"),
        ("update.steps", 0, "update.steps 0: expected 1 or more"),
        ("rollouts.engine", "vlm", "rollouts.engine 'vlm': invalid enum value 'vlm'"),
        ("rollouts.rollouts_per_group", 1, "rollouts.rollouts_per_group 1: expected 2 or more"),
        ("rollouts.segment_tokens", 5000, "rollouts.segment_tokens 5000: above max_tokens = 4096"),
        ("rollouts.url", "http://gpu:8000", "rollouts.url 'http://gpu:8000': engine 'vllm' takes no server's address"),
        ("rollouts.engine", "vllm-served", "rollouts.url '': engine 'vllm-served' takes the server's address"),
        ("weights.transfer", "pigeon", "weights.transfer"),
        ("rollouts.top_p", 0.9, "rollouts.top_p 0.9: the loss assumes the whole distribution"),
        (
            "rollouts.max_tokens",
            20_000,
            "update.tokens_per_micro_batch 16384: a response of rollouts.max_tokens = 20000",
        ),
        ("rewards.weights.corect", 1.0, "rewards.weights.corect 1.0: unknown key, known are correct"),
        ("rewards.max_not_judged", 2.0, "rewards.max_not_judged 2.0: expected a share, 0 to 1"),
        ("rewards.address", "localhost:8080", "rewards.address 'localhost:8080': expected unix:///path/to/socket"),
        ("run.seed.x", 1, "run.seed.x 1: 'seed' is no table"),
    ],
)
def test_an_error_names_key_value_and_way_out(key: str, value: Any, message: str, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[run]\nseed = 1\n")
    with pytest.raises(BadInput) as caught:
        TrainerConfig.load(file, {key: value})
    assert str(caught.value).startswith(message)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        TrainerConfig.load(tmp_path / "missing.toml")
    (tmp_path / "run.toml").write_text("tau: 1")
    with pytest.raises(BadInput, match="not TOML"):
        TrainerConfig.load(tmp_path / "run.toml")


def test_overrides_of_a_command_line() -> None:
    assert override("update.learning_rate=1e-6") == ("update.learning_rate", 1e-6)
    assert override("rollouts.engine=torch") == ("rollouts.engine", "torch")
    assert override('run.directory="runs/a=b"') == ("run.directory", "runs/a=b")
    with pytest.raises(BadInput, match="expected KEY=VALUE"):
        override("update.tau")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://host:8080/t/sesame", "http://host:8080/t/..."),
        ("https://host/t/sesame/", "https://host/t/.../"),
        ("unix:///srv/t/assay.sock", "unix:///srv/t/assay.sock"),
    ],
)
def test_a_token_in_the_address_is_not_written_down(address: str, shown: str) -> None:
    config = TrainerConfig.load(None, {"rewards.address": address})
    assert config.to_table()["rewards"]["address"] == address
    assert config.to_keep() == TrainerConfig.load(None, {"rewards.address": shown}).to_table()


def test_every_key_has_its_sentence() -> None:
    config = TrainerConfig()
    for name, table in config.to_table().items():
        doc = type(getattr(config, name)).__doc__ or ""
        for key in table:
            assert re.search(rf"^ +{key}  ", doc, re.MULTILINE), f"{name}.{key}"
    assert tomllib.loads(msgspec.toml.encode(config.to_table()).decode()) == config.to_table()
