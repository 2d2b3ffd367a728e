"""Supervised warm-up on given solutions, packed like everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from engine.errors import BadInput
from trainer.batch import group_of, pack
from trainer.policy import Policy
from trainer.prompts import load_tokenizer, stop_tokens
from trainer.tables import ModelConfig

_MAX_GRADIENT_NORM: Final = 1.0


class Example(NamedTuple):
    """A prompt and its solution, as token ids; the solution ends with the stop token."""

    prompt: list[int]
    solution: list[int]


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    prompt: str
    completion: str


def read_examples(path: str | Path, tokenizer: PreTrainedTokenizerBase, stop: int) -> list[Example]:
    """The lines {"prompt", "completion"} of a file; raises BadInput that names the line."""
    examples = []
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                fields = msgspec.json.decode(line, type=_Line)
            except msgspec.DecodeError as error:
                raise BadInput(f"{path}:{number}", line.decode(errors="replace").strip(), str(error)) from None
            prompt = tokenizer(fields.prompt)["input_ids"]
            examples.append(
                Example(prompt, [*tokenizer(fields.completion, add_special_tokens=False)["input_ids"], stop])
            )
    return examples


def warm_up(
    policy: Policy,
    examples: Sequence[Example],
    *,
    steps: int,
    learning_rate: float,
    batch: int = 64,
    seed: int = 0,
    budget: int = 16384,
    progress: Callable[[int, float], None] = lambda _step, _loss: None,
) -> float:
    """`steps` of AdamW on batches drawn at random; the last loss, in nats per token of the solutions."""
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=learning_rate, weight_decay=0.0)
    loss_now = 0.0
    for step in range(1, steps + 1):
        drawn = [examples[index] for index in random.integers(len(examples), size=batch)]
        chosen = [group_of(example.prompt, [example.solution]) for example in drawn]
        packed = pack(chosen, budget=budget, policy_version=0, device=policy.device)
        optimizer.zero_grad(set_to_none=True)
        loss_now = 0.0
        for micro in packed.micro_batches:
            logprobs, _ = policy(micro)
            loss = -logprobs.sum() / packed.trained_tokens
            loss.backward()
            loss_now += loss.item()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), _MAX_GRADIENT_NORM)
        optimizer.step()
        progress(step, loss_now)
    return loss_now


def warm_up_directory(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda _step, _loss: None,
) -> None:
    """`warm_up` of the model in a directory on a file's examples, written with its tokenizer to `out`.

    Raises BadInput.
    """
    tokenizer = load_tokenizer(model)
    stop = stop_tokens(model, tokenizer)
    if not stop:
        raise BadInput("model.path", str(model), "it names no stop token (eos_token_id)")
    policy = Policy(ModelConfig(path=str(model)))
    examples = read_examples(data, tokenizer, stop[0])
    warm_up(policy, examples, steps=steps, batch=batch, learning_rate=learning_rate, seed=seed, progress=progress)
    policy.save(out)
    tokenizer.save_pretrained(out)
