"""What each rank of a torchrun does in test_ranks.py: two iterations, the weights written by all together."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from trainer import Prompt, Trainer, TrainerConfig


async def likes_letters(_prompt: Prompt, text: str) -> float:
    return sum(map(str.islower, text)) / max(len(text), 1)


def train(file: str, directory: str) -> None:
    config = TrainerConfig.load(file, {"run.directory": directory})
    prompts = [
        Prompt(id=str(number), tokens=np.arange(10 + number, 16 + number, dtype=np.int32), item={})
        for number in range(9)
    ]
    with Trainer(config, prompts=prompts, held_out=prompts[:2], reward=likes_letters) as trainer:
        for iteration in trainer:
            # In one write, newline and all: the ranks share a pipe.
            os.write(1, f"{os.environ.get('RANK', '0')} {iteration.number} {iteration.reward}\n".encode())
        trainer.save(Path(directory) / "policy")


if __name__ == "__main__":
    train(*sys.argv[1:])
