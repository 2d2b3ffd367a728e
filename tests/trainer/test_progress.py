"""What a run says that it does and waits for."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from trainer import Prompt, RewardsUnavailable, Trainer, TrainerConfig
from trainer.progress import Progress


def test_a_terminal_has_one_live_line_and_the_lines_that_stay() -> None:
    said = io.StringIO()
    console = Console(file=said, force_terminal=True, width=100)
    with Progress(console) as progress:
        progress.say("iteration 1/9  rollouts", "180 of 256 ended, 12 being scored")
        time.sleep(0.6)
        progress.print("    1  reward 0.5")
        progress.say("iteration 1/9  update", "step 2 of 4")
        time.sleep(0.6)
    shown = said.getvalue()
    assert re.search(r"iteration 1/9  rollouts, \d s: 180 of 256 ended, 12 being scored", shown)
    assert re.search(r"iteration 1/9  update, \d s: step 2 of 4", shown)
    assert "    1  reward 0.5" in shown
    assert shown.rstrip().endswith("\x1b[2K"), "the live line is left there"


def test_a_log_has_a_line_only_of_what_takes_long() -> None:
    said = io.StringIO()
    with Progress(Console(file=said, width=40), patience_seconds=0.2) as progress:
        for number in range(10):
            progress.say(f"iteration {number}/9  update", "step 1 of 1")
            time.sleep(0.03)
        assert said.getvalue() == ""
        for left in range(10, 0, -1):
            progress.say("iteration 9/9  waiting for rewards", f"{left} rollouts of a phase that is longer than a line")
            time.sleep(0.1)
    lines = said.getvalue().splitlines()
    # After 0.2, 0.4 and 0.8 s, or a little later.
    assert 2 <= len(lines) <= 3
    assert all(re.fullmatch(r"iteration 9/9  waiting for rewards, [01] s: \d+ rollouts of .* a line", x) for x in lines)


@pytest.fixture
def config(tiny_model: Path, tmp_path: Path) -> TrainerConfig:
    return TrainerConfig.load(
        None,
        {
            "run.directory": str(tmp_path / "run"),
            "run.iterations": 1,
            "model.path": str(tiny_model),
            "rollouts.engine": "torch",
            "rollouts.groups_per_iteration": 2,
            "rollouts.rollouts_per_group": 2,
            "rollouts.max_tokens": 6,
            "rewards.address": f"unix://{tmp_path}/none.sock",
            "rewards.patience_seconds": 1.5,
        },
    )


PROMPTS = [Prompt(id=str(number), tokens=np.arange(10, 16, dtype=np.int32), item={}) for number in range(4)]


def test_a_run_says_each_of_its_phases(config: TrainerConfig) -> None:
    async def even(_prompt: Prompt, text: str) -> float:
        return float(len(text) % 2)

    said: list[tuple[str, str]] = []
    with Trainer(config, prompts=PROMPTS, reward=even, say=lambda *words: said.append(words)) as trainer:
        trainer.step()
    phases = list(dict.fromkeys(phase for phase, _ in said))
    assert phases[:2] == ["start", "sync"]
    one = [phase.removeprefix("iteration 1/1  ") for phase in phases[2:]]
    assert [phase for phase in one if phase != "waiting for rewards"] == ["rollouts", "update", "sync", "checkpoint"]
    assert ("start", "the engine (torch)") in said
    assert ("iteration 1/1  update", "step 2 of 4") in said
    assert ("iteration 1/1  sync", "the engine's answer to the probe") in said
    assert any(re.fullmatch(r"[0-4] of 4 ended, \d being scored", detail) for _, detail in said)


def test_a_daemon_that_is_gone_is_what_it_waits_for(config: TrainerConfig) -> None:
    said: list[tuple[str, str]] = []
    with (
        Trainer(config, prompts=PROMPTS, say=lambda *words: said.append(words)) as trainer,
        pytest.raises(RewardsUnavailable),
    ):
        trainer.step()
    phase, detail = said[-1]
    assert phase == "iteration 1/1  waiting for rewards"
    assert config.rewards.address.removeprefix("unix://") in detail
