"""`python -m trainer probe run.toml`: whether a set-up can train, in a minute and without rewards."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from trainer.config import TrainerConfig
from trainer.daemon import check_items
from trainer.loop import Trainer
from trainer.metrics import peak_memory
from trainer.progress import Say
from trainer.prompts import load_tokenizer, read_prompts
from trainer.types import Prompt

_T = TypeVar("_T")

# More than rounding, and far from another model.
_CHANGE: Final = 1.05
_GIB: Final = 1 << 30


def probe(config: TrainerConfig, tell: Callable[[str], None], say: Say) -> None:
    """Prove the engine on the model's weights and on changed ones, and try the longest batch; `tell` what came of it.

    The prompts' items are checked before.

    Raises what a `Trainer` raises; BadInput where that batch does not fit into the device's memory.
    """
    tokenizer, files = load_tokenizer(config.model.path), config.prompts
    prompts = read_prompts(files.path, tokenizer) if files.path else [_made_up(tokenizer)]
    held_out = read_prompts(files.held_out, tokenizer) if files.held_out else []
    check_items([*prompts, *held_out])
    # As the run does it, but not in its directory: there may be one.
    with tempfile.TemporaryDirectory(prefix="assay-probe-") as directory:
        here = replace(config, run=replace(config.run, directory=directory, tensorboard=False))
        seconds, trainer = _timed(lambda: Trainer(here, prompts=prompts, held_out=held_out, reward=_none, say=say))
        with trainer:
            tell(f"engine {config.rollouts.engine}, {config.model.dtype} on {trainer.policy.device}: {seconds:.1f} s")
            seconds, gap = _timed(trainer.probe)
            tell(f"it samples from the weights: gap {gap:.2g}, {seconds:.2f} s")
            moved = _change(trainer)
            seconds, gap = _timed(trainer.sync)
            tell(f"and from changed ones, logprobs moved by up to {moved:.2g}: gap {gap:.2g}, sync {seconds:.2f} s")
            say("the longest batch")
            seconds, _ = _timed(trainer.rehearse)
            resident, allocated = peak_memory()
            on_device = f", {allocated / _GIB:.1f} GiB on the device" if allocated else ""
            tell(
                f"longest batch, {config.update.tokens_per_micro_batch} tokens forward and backward: {seconds:.1f} s, "
                f"peak memory {resident / _GIB:.1f} GiB{on_device}"
            )


def _change(trainer: Trainer) -> float:
    """Scale the weights a little; the most that a logprob of a short text moves by."""
    policy, text = trainer.policy, np.arange(8).tolist()
    trainer.policy_version += 1
    before = policy.response_logprobs(text, text)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.mul_(_CHANGE)
    return float(np.abs(policy.response_logprobs(text, text) - before).max())


def _made_up(tokenizer: PreTrainedTokenizerBase) -> Prompt:
    tokens = tokenizer("What is 6 * 7?")["input_ids"]
    return Prompt(id="made up", tokens=np.asarray(tokens, np.int32), item={})


async def _none(_prompt: Prompt, _text: str) -> float:
    return 0.0


def _timed(work: Callable[[], _T]) -> tuple[float, _T]:
    began = time.monotonic()
    result = work()
    return time.monotonic() - began, result
