"""TRL's GRPOTrainer as a process that does one iteration a turn: transformers generates, or vLLM in colocate mode."""

from __future__ import annotations

import functools
import json
import tempfile
import time
from collections.abc import Mapping
from typing import Any, Final

import torch
from datasets import Dataset
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from benches.trainer.held_out import HeldOut
from benches.trainer.models import in_order, prompts, score
from benches.trainer.ours import SHORT_TOKENS
from benches.trainer.worker import Turns
from trainer.prompts import load_tokenizer

_PHASES: Final = ("generate", "reward", "sync")
_MOST_ITERATIONS: Final = 200


def run(specification: Mapping[str, Any], turns: Turns) -> None:
    """An iteration each turn, after one with short responses that begins everything that begins late."""
    if specification["vllm"]:
        _let_vllm_run_here()
    tokenizer = load_tokenizer(specification["model"])
    count = specification["groups"] * _MOST_ITERATIONS
    given = in_order(prompts(specification, tokenizer), specification["seed"], count)
    rows = [{"prompt": tokenizer.decode(prompt.tokens), "item": json.dumps(prompt.item)} for prompt in given]
    for prompt, row in zip(given, rows, strict=True):
        assert tokenizer(row["prompt"])["input_ids"] == prompt.tokens.tolist(), "TRL would get another prompt"
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as directory:
        trainer = _Timed(
            model=specification["model"],
            reward_funcs=_reward,
            args=_config(specification, directory),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
        trainer.add_callback(_Iterations(trainer, specification, turns))
        trainer.train()


def _let_vllm_run_here() -> None:
    """TRL's mode ends with errors on a CPU: the weights are packed away where `load_weights` cannot reach them.

    Like ours it neither compiles nor turns float32 into a short type, for which TRL has no settings.
    """
    from trl.generation import vllm_generation
    from vllm.model_executor.layers import utils

    names = vars(vllm_generation)
    names["LLM"] = functools.partial(names["LLM"], enforce_eager=True, dtype="float32")

    def unpacked(layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    vars(utils)["dispatch_cpu_unquantized_gemm"] = unpacked


def _reward(prompts: list[str], completions: list[str], item: list[str], **_others: Any) -> list[float]:
    return [score(json.loads(each), text) for each, text in zip(item, completions, strict=True)]


class _Timed(GRPOTrainer):
    """With the seconds of each phase, and the lengths."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.phases = dict.fromkeys(_PHASES, 0.0)
        self.lengths: list[int] = []
        if self.use_vllm:
            engine: Any = self.vllm_generation
            sync = engine.sync_weights

            def timed() -> None:
                began = time.perf_counter()
                sync()
                self.phases["sync"] += time.perf_counter() - began

            engine.sync_weights = timed

    def _generate(self, prompts: list[Any]) -> Any:
        began, before = time.perf_counter(), self.phases["sync"]
        answer = super()._generate(prompts)
        self.phases["generate"] += time.perf_counter() - began - (self.phases["sync"] - before)
        self.lengths = [len(tokens) for tokens in answer[1]]
        return answer

    def _calculate_rewards(self, *arguments: Any) -> Any:
        began = time.perf_counter()
        answer = super()._calculate_rewards(*arguments)
        self.phases["reward"] += time.perf_counter() - began
        return answer

    def limit(self, tokens: int) -> None:
        """Of responses from now on."""
        if self.use_vllm:
            self.vllm_generation.max_completion_length = tokens
        else:
            self.generation_config.max_new_tokens = tokens


class _Iterations(TrainerCallback):
    """Hands in each iteration where its last step ends, and waits for the next turn there."""

    def __init__(self, trainer: _Timed, specification: Mapping[str, Any], turns: Turns) -> None:
        self._trainer, self._turns, self._steps = trainer, turns, specification["steps"]
        self._max_tokens = specification["max_tokens"]
        self._every = specification.get("evaluate_every", 0)
        self._held_out: HeldOut | None = None
        if specification.get("task"):
            self._held_out = HeldOut(specification["model"], specification["task"], self._max_tokens)
        self._short = self._held_out is None

    def on_train_begin(self, *_arguments: Any, **_options: Any) -> None:
        if self._held_out:
            self._turns({"held_out": self._held_out.reward(self._trainer.model)})
        else:
            self._trainer.limit(SHORT_TOKENS)
        self._begin()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_options: Any
    ) -> None:
        if state.global_step % self._steps:
            return
        seconds, cpu_seconds = time.perf_counter() - self._began, time.process_time() - self._cpu_began
        phases, lengths = self._trainer.phases, self._trainer.lengths
        gaps = self._trainer._metrics["train"].get("sampling/sampling_logp_difference/max", [0.0])
        answer = {
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            **phases,
            "update": seconds - sum(phases.values()),
            "completion_tokens": sum(lengths),
            "rollouts": len(lengths),
            "gap": gaps[-1],
        }
        number = state.global_step // self._steps
        if self._short:
            self._short, answer = False, {}
            self._trainer.limit(self._max_tokens)
        elif self._held_out and number % self._every == 0:
            answer["held_out"] = self._held_out.reward(self._trainer.model)
        self._turns(answer)
        self._begin()

    def _begin(self) -> None:
        self._trainer.phases = dict.fromkeys(_PHASES, 0.0)
        self._began, self._cpu_began = time.perf_counter(), time.process_time()


def _config(specification: Mapping[str, Any], directory: str) -> GRPOConfig:
    batch = specification["groups"] * specification["k"]
    return GRPOConfig(
        output_dir=directory,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=batch,
        num_generations=specification["k"],
        num_iterations=specification["steps"],
        max_steps=_MOST_ITERATIONS * specification["steps"],
        max_completion_length=specification["max_tokens"],
        beta=0.0,
        temperature=1.0,
        learning_rate=specification["learning_rate"],
        lr_scheduler_type="constant",
        loss_type="dapo",
        adam_beta2=0.999,
        weight_decay=0.0,
        max_grad_norm=1.0,
        shuffle_dataset=False,
        seed=specification["seed"],
        use_vllm=specification["vllm"],
        vllm_mode="colocate",
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
