"""Three steps of TRL's GRPO on a tiny model of random weights, with rewards from a daemon: seconds without a GPU.

assay serve                      # in another terminal; ASSAY_ADDRESS names another daemon
python examples/trl/grpo.py      # or: grpo.py MODEL, a directory in Hugging Face's format
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

from datasets import Dataset
from transformers import AutoTokenizer
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from rewards.adapters.trl import assay_reward
from trainer.tasks.tiny import make_tiny_model

# Code and mathematics in one data set: each sample has its own columns, the others are empty.
SAMPLES = [
    {"prompt": "2 + 2 is ", "answer": "4", "input_output": None},
    {"prompt": "Double a number: ", "answer": None, "input_output": '{"inputs": ["1\\n"], "outputs": ["2\\n"]}'},
    # Nothing can be said about this one, and so it has no reward.
    {"prompt": "How many are they? ", "answer": "See the figure.", "input_output": None},
]


def train(model: str, output: str, steps: int = 3) -> list[dict[str, Any]]:
    """TRL's log, a line for each step."""
    reward: Any = assay_reward  # TRL's type for it leaves coroutines out
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=GRPOConfig(
            output_dir=output,
            max_steps=steps,
            per_device_train_batch_size=6,
            num_generations=2,
            max_completion_length=8,
            logging_steps=1,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            bf16=False,
        ),
        train_dataset=Dataset.from_list(SAMPLES),
        processing_class=AutoTokenizer.from_pretrained(model),
    )
    trainer.train()
    return [line for line in trainer.state.log_history if "reward" in line]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        if len(sys.argv) < 2:
            make_tiny_model(place)
        for line in train(sys.argv[1] if len(sys.argv) > 1 else place, place):
            print(f"step {line['step']}: reward {line['reward']}, not judged {line['not_judged']:.2f}")
