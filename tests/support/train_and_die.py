"""A run that ends its own process by SIGKILL at a place of the loop, for test_resume.py: FILE PLACE NUMBER.

PLACE is a dotted name below `trainer`, like `checkpoint._sync`; the process dies as that is called for the NUMBERth
time, in the middle of whatever called it.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from functools import wraps
from typing import Any

import numpy as np

from trainer import Prompt, Trainer, TrainerConfig


async def likes_letters(_prompt: Prompt, text: str) -> float:
    return sum(map(str.islower, text)) / max(len(text), 1)


def dies_in(place: str, number: int) -> None:
    module, *owners, name = place.split(".")
    holder: Any = importlib.import_module(f"trainer.{module}")
    for owner in owners:
        holder = getattr(holder, owner)
    whole = getattr(holder, name)
    calls = 0

    @wraps(whole)
    def dies(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*args, **kwargs)

    setattr(holder, name, dies)


def train(file: str) -> None:
    prompts = [
        Prompt(id=str(number), tokens=np.arange(10 + number, 16 + number, dtype=np.int32), item={})
        for number in range(9)
    ]
    with Trainer(TrainerConfig.load(file), prompts=prompts, reward=likes_letters, resume=True) as trainer:
        for _ in trainer:
            pass
    sys.stdout.flush()
    # vLLM leaves threads that would never end.
    os._exit(0)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        dies_in(sys.argv[2], int(sys.argv[3]))
    train(sys.argv[1])
