"""Which models packed rows suit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from engine.errors import BadInput
from trainer.policy import Policy
from trainer.tables import ModelConfig

SHAPE: dict[str, Any] = {
    "vocab_size": 128,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}


def policy_of(directory: Path, kind: str, **fields: Any) -> Policy:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(getattr(transformers, kind)(**fields))
    model.save_pretrained(directory)
    return Policy(ModelConfig(path=str(directory)))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("MistralConfig", {"sliding_window": None}),
        ("MistralConfig", {"sliding_window": 64}),
        ("Qwen2Config", {"sliding_window": 8, "use_sliding_window": False}),
    ],
)
def test_full_attention(tmp_path: Path, kind: str, fields: dict[str, Any]) -> None:
    policy_of(tmp_path, kind, **SHAPE, **fields)


@pytest.mark.parametrize(
    ("kind", "fields", "has"),
    [
        ("MistralConfig", {"sliding_window": 8}, "a sliding window of 8 tokens in a context of 64"),
        (
            "Qwen2Config",
            {"sliding_window": 8, "use_sliding_window": True, "max_window_layers": 1},
            "sliding_attention",
        ),
    ],
)
def test_a_window_is_refused(tmp_path: Path, kind: str, fields: dict[str, Any], has: str) -> None:
    with pytest.raises(BadInput, match=rf"^model.path .*packed rows need layers of full attention; it has {has}$"):
        policy_of(tmp_path, kind, **SHAPE, **fields)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("BloomConfig", {"vocab_size": 128, "hidden_size": 16, "n_layer": 2, "n_head": 2}),
        ("GraniteConfig", {**SHAPE, "logits_scaling": 8.0}),
    ],
    ids=["an attention of its own", "logits of its own"],
)
def test_rows_that_are_not_what_the_model_says_are_refused(tmp_path: Path, kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"^model.path .*packed rows do not give its own logprobs \(apart by \d\.\d+\)"):
        policy_of(tmp_path, kind, **fields, initializer_range=0.5)
