"""The models, prompts and rewards that all peers get alike."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from trainer.prompts import read_prompts
from trainer.sampling import Sampler
from trainer.tables import SamplingConfig
from trainer.tasks.tiny import make_tiny_model
from trainer.types import Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PROMPTS: Final = 256
_CONTEXT: Final = 1152


class Size(NamedTuple):
    """Of a Qwen2 with a vocabulary of 128 characters."""

    hidden: int
    layers: int
    intermediate: int


SIZES: Final = {"0.2M": Size(64, 2, 256), "3.5M": Size(256, 4, 896), "10M": Size(384, 6, 1024)}


def make_model(directory: Path, size: str, seed: int, *, tied: bool = True) -> None:
    """Write a model of random weights with its tokenizer.

    Its tokens are nearly equally likely, the one that ends a response too: lengths are ragged, 128 in the mean where
    nothing cuts them off.

    tied  the head is the embedding
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    hidden, layers, intermediate = SIZES[size]
    make_tiny_model(directory, seed=seed, hidden=hidden, layers=layers, context=_CONTEXT)
    config = AutoConfig.from_pretrained(directory)
    config.intermediate_size, config.tie_word_embeddings = intermediate, tied
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(directory)


def prompts(specification: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase) -> list[Prompt]:
    """A task's from its file, or random characters, `prompt` tokens each.

    With `uniform_every` n, the first of every n in a run's order is rewarded alike for every response.
    """
    if specification.get("task"):
        return read_prompts(Path(specification["task"]) / "prompts.jsonl", tokenizer)
    random_ = random.Random(specification["seed"])
    characters = string.ascii_letters + string.digits
    texts = ["".join(random_.choices(characters, k=specification["prompt"])) for _ in range(PROMPTS)]
    made = [
        Prompt(id=str(number), tokens=np.asarray(tokenizer(text)["input_ids"], np.int32), item={})
        for number, text in enumerate(texts)
    ]
    if every := specification.get("uniform_every", 0):
        for prompt in in_order(made, specification["seed"], PROMPTS)[::every]:
            prompt.item["uniform"] = True
    return made


def in_order(of: Sequence[Prompt], seed: int, count: int) -> list[Prompt]:
    """As a run of our trainer with that seed takes them: the peers get them so."""
    return Sampler(SamplingConfig(), of, seed=seed).take(count)


def score(item: Mapping[str, Any], text: str) -> float:
    """The reward, of every peer alike, and next to free.

    1 for the right answer where there is one; else the share of lower-case letters, which no two responses have alike.
    """
    if "reference" in item:
        return float(text == item["reference"])
    if "uniform" in item:
        return 1.0
    return sum(map(str.islower, text)) / max(len(text), 1)
