"""Supervised warm-up on given solutions, packed like everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from engine.errors import BadInput
from trainer.batch import group_of, pack
from trainer.policy import Policy
from trainer.prompts import load_tokenizer, parsed_lines, stop_tokens
from trainer.tables import ModelConfig
from trainer.types import Group

_MAX_GRADIENT_NORM: Final = 1.0
_BUDGET: Final = 16384


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    prompt: str
    completion: str


def warm_up(
    model: str,
    data: str,
    out: str,
    *,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    progress: Callable[[int, float], None],
) -> None:
    """`steps` of AdamW on the model in a directory; the result, with its tokenizer, goes to `out`.

    data      a file of lines {"prompt", "completion"}; each step's `batch` of them is drawn at random, each completion
              ended by the tokenizer's end of sequence, or by the model's where the tokenizer has none
    progress  takes a step's number and its loss, in nats per token of the solutions

    Raises BadInput.
    """
    tokenizer = load_tokenizer(model)
    examples = _examples(data, tokenizer, _end(model, tokenizer))
    policy = Policy(ModelConfig(path=model))
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=learning_rate, weight_decay=0.0)
    for step in range(1, steps + 1):
        chosen = [examples[index] for index in random.integers(len(examples), size=batch)]
        packed = pack(chosen, budget=_BUDGET, policy_version=0, device=policy.device)
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
    policy.save(out)
    tokenizer.save_pretrained(out)


def _end(model: str, tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that ends a turn: of several that stop a response it is the tokenizer's own."""
    stop = stop_tokens(model, tokenizer)
    if not stop:
        raise BadInput("model.path", model, "it names no stop token (eos_token_id)")
    own: int | None = tokenizer.eos_token_id
    return stop[0] if own is None else own


def _examples(data: str, tokenizer: PreTrainedTokenizerBase, end: int) -> list[Group]:
    examples = []
    for place, line in parsed_lines(data, _Line, "data"):
        prompt = tokenizer(line.prompt)["input_ids"]
        solution = tokenizer(line.completion, add_special_tokens=False)["input_ids"]
        if not prompt:
            raise BadInput(f"{place}.prompt", line.prompt, "no token in it")
        # The end is predicted, and predicts nothing.
        if (tokens := len(prompt) + len(solution)) > _BUDGET:
            raise BadInput(f"{place}.completion", line.completion, f"{tokens} tokens with its prompt, above {_BUDGET}")
        examples.append(group_of(prompt, [[*solution, end]]))
    if not examples:
        raise BadInput("data", data, "there is no line in it")
    return examples
