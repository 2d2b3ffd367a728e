"""Our trainer as a process that does one iteration a turn."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

from benches.trainer.held_out import HeldOut
from benches.trainer.models import prompts, score
from benches.trainer.ways import WAYS
from benches.trainer.worker import Turns
from trainer import Prompt, Trainer, TrainerConfig
from trainer.prompts import load_tokenizer

SHORT_TOKENS: Final = 8


def run(specification: Mapping[str, Any], turns: Turns) -> None:
    """An iteration each turn, after one with short responses that begins everything that begins late."""
    way = WAYS[specification.get("way", "as it is")]
    seconds = specification.get("reward_seconds", 0.0)

    async def reward(prompt: Prompt, text: str) -> float:
        if seconds:
            await asyncio.sleep(seconds)
        return score(prompt.item, text)

    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-bench-"))
        overrides = {**way.overrides, **specification.get("overrides", {})}
        config = _config(specification, directory, overrides)
        for patched in way.patches():
            stack.enter_context(patched)
        held_out: HeldOut | None = None
        if specification.get("task"):
            held_out = HeldOut(config.model.path, specification["task"], config.rollouts.max_tokens)
        given = prompts(specification, load_tokenizer(config.model.path))
        trainer = stack.enter_context(way.trainer(config, prompts=given, reward=reward))
        if held_out is None:
            _short_iteration(trainer)
        turns({} if held_out is None else {"held_out": held_out.reward(trainer.policy.model)})
        while True:
            answer = _iteration(trainer)
            if held_out and trainer.number % specification["evaluate_every"] == 0:
                answer["held_out"] = held_out.reward(trainer.policy.model)
            turns(answer)


def _iteration(trainer: Trainer) -> dict[str, float]:
    began, cpu_began = time.perf_counter(), time.process_time()
    done = trainer.step()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    rolled = done.rolled
    rollouts = sum(rolled.ended.values())
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "generate": done.seconds["rollouts"] - rolled.scoring_seconds,
        "reward": rolled.scoring_seconds,
        "update": done.seconds["update"],
        "sync": done.seconds["sync"],
        "completion_tokens": (rolled.lengths or 0.0) * rollouts,
        "rollouts": rollouts,
        "model_tokens": done.update.tokens,
        "trained_reward": done.reward or 0.0,
        "gap": done.update.gap.max,
    }


def _short_iteration(trainer: Trainer) -> None:
    buffer: Any = trainer._first._buffer
    usual = buffer._config
    buffer._config = replace(usual, max_tokens=SHORT_TOKENS)
    trainer.step()
    buffer._config = usual


def _config(specification: Mapping[str, Any], directory: str, overrides: dict[str, Any]) -> TrainerConfig:
    return TrainerConfig.load(
        None,
        {
            "run.directory": directory,
            "run.seed": specification["seed"],
            "run.iterations": 1_000_000,
            "run.checkpoint_every": 1_000_000,
            "model.path": specification["model"],
            "rollouts.groups_per_iteration": specification["groups"],
            "rollouts.rollouts_per_group": specification["k"],
            "rollouts.max_tokens": specification["max_tokens"],
            # A stopped response would be a shorter one than the peers'.
            "rollouts.stop_repeats": False,
            "rewards.in_flight": specification.get("in_flight", 256),
            "update.learning_rate": specification["learning_rate"],
            "update.steps": specification["steps"],
            "update.tau": specification.get("tau", 0.1),
        }
        | overrides,
    )
