"""The numbers of an iteration, in metrics.jsonl and for TensorBoard."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rewards import NotJudged, Reward
from trainer import Group, Prompt, Rollout, Trainer, TrainerConfig
from trainer.advantages import judged
from trainer.buffer import Generated
from trainer.metrics import Difficulties, cost, line_of, rolled
from trainer.report import write_report
from trainer.tables import RewardWeights
from trainer.types import End, Rolled, Update

SETTINGS: dict[str, Any] = {
    "run.iterations": 2,
    "run.checkpoint_every": 1,
    "rollouts.engine": "torch",
    "rollouts.groups_per_iteration": 4,
    "rollouts.rollouts_per_group": 4,
    "rollouts.max_tokens": 8,
    "update.steps": 2,
    "update.learning_rate": 1e-3,
}


def prompt(number: int, difficulty: float | None) -> Prompt:
    tokens = np.arange(10 + number, 16 + number, dtype=np.int32)
    return Prompt(id=str(number), tokens=tokens, item={}, difficulty=difficulty)


def group(of: Prompt, *rewards: float | None) -> Group:
    rollouts = tuple(
        Rollout(
            id=f"{of.id}.{index}",
            prompt_id=of.id,
            index=index,
            tokens=np.zeros(10 * (index + 1), np.int32),
            end=End.STOP if index else End.REPEAT,
            reward=NotJudged("a fault") if reward is None else Reward(reward=reward),
        )
        for index, reward in enumerate(rewards)
    )
    return Group(prompt=of, rollouts=rollouts, opened_at=1)


async def likes_letters(_prompt: Prompt, text: str) -> float:
    return float(sum(map(str.islower, text)) * 2 > len(text))


def test_few_labels_are_names_of_their_own_and_many_are_five_bins() -> None:
    few = Difficulties([prompt(0, 3.0), prompt(1, 1.0), prompt(2, None), prompt(3, 1.5)])
    assert [few.of(label) for label in (1.0, 1.5, 3.0)] == ["1", "1.5", "3"]
    many = Difficulties([prompt(number, number / 100) for number in range(100)])
    names = [many.of(number / 100) for number in range(100)]
    assert sorted(set(names)) == ["0 to 0.19", "0.2 to 0.39", "0.4 to 0.59", "0.6 to 0.79", "0.8 to 0.99"]
    assert all(names.count(name) == 20 for name in set(names))
    assert many.of(0.2) == "0.2 to 0.39"
    # Half of the prompts have one label: it is a bin, and the others share what is left.
    skewed = Difficulties([prompt(number, max(0, number - 50)) for number in range(100)])
    assert {skewed.of(label) for label in range(50)} == {"0", "1 to 9", "10 to 29", "30 to 49"}


def test_a_rollout_phase_in_numbers() -> None:
    groups = [group(prompt(0, 1.0), 1.0, 0.0, 1.0, None), group(prompt(1, 2.0), 0.5, 0.5), group(prompt(2, None), 1.0)]
    difficulties = Difficulties([each.prompt for each in groups])
    generated = Generated(groups, Rolled(tokens=500, cut=3, buffered=2, generating_seconds=2.0, scoring_seconds=0.5))
    numbers = rolled(generated, list(map(judged, groups)), RewardWeights(), difficulties)
    assert (numbers.tokens, numbers.groups, numbers.cut, numbers.buffered, numbers.uniform) == (500, 3, 3, 2, 2)
    assert numbers.pass_rate == {"1": pytest.approx(2 / 3), "2": 0.0}
    assert numbers.ended == {"repeat": 3, "stop": 4}
    assert numbers.not_judged == {"a fault": 1}
    assert numbers.reward == numbers.parts["correct"] == pytest.approx(4 / 6)
    nothing = rolled(Generated([], Rolled(cut=12)), [], RewardWeights(), difficulties)
    assert (nothing.reward, nothing.lengths, nothing.groups, nothing.parts) == (None, None, 0, {})
    nobody = replace(groups[0], rollouts=groups[0].rollouts[3:])
    assert difficulties.pass_rate([judged(nobody)]) == {}


def test_what_an_iteration_takes() -> None:
    took = cost(
        Rolled(tokens=500, generating_seconds=2.0, scoring_seconds=0.5),
        Update(trained_tokens=300, loss=(0.1, 0.2)),
        {"rollouts": 2.5, "update": 2.0, "sync": 0.5, "evaluation": 100.0},
    )
    assert took.tokens_per_second == 100.0
    assert took.trained_tokens_per_second == 300.0
    assert took.idle_share == pytest.approx(0.2)
    assert 50 << 20 < took.memory_bytes < 1 << 40


def run(model: Path, directory: Path, *, resume: bool = False, **own: Any) -> list[dict[str, Any]]:
    overrides = {"model.path": str(model), "run.directory": str(directory)}
    config = TrainerConfig.load(None, SETTINGS | overrides | {k.replace("__", "."): v for k, v in own.items()})
    prompts = [prompt(number, float(number % 2)) for number in range(8)]
    with Trainer(config, prompts=prompts, reward=likes_letters, resume=resume) as trainer:
        assert list(trainer)
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def test_a_line_holds_what_a_run_is_judged_by(tiny_model: Path, tmp_path: Path) -> None:
    for line in run(tiny_model, tmp_path):
        assert line["rolled"]["groups"] == 4
        assert set(line["rolled"]["pass_rate"]) <= {"0", "1"}
        assert line["tau_rho"] == 0.1 * line["update"]["rho"][-1]
        took = line["seconds"]["rollouts"] + line["seconds"]["update"] + line["seconds"]["sync"]
        assert line["cost"]["tokens_per_second"] == pytest.approx(line["rolled"]["tokens"] / took)
        assert 0 <= line["cost"]["idle_share"] < 1
        assert line["cost"]["memory_bytes"] > 100 << 20
    sample = json.loads((tmp_path / "rollouts.jsonl").read_text().splitlines()[0])
    assert {"prompt", "text", "end", "reward", "verdict"} <= set(sample)
    assert len(sample["prompt"]) == 6


def test_an_iteration_in_which_no_group_closes_has_no_reward(tiny_model: Path, tmp_path: Path) -> None:
    overrides = {"model.path": str(tiny_model), "run.directory": str(tmp_path), "rollouts.segment_tokens": 1}
    with Trainer(
        TrainerConfig.load(None, SETTINGS | overrides), prompts=[prompt(0, None)], reward=likes_letters
    ) as run:
        iteration = run.step()
    assert iteration.reward is None
    assert "reward -  uniform 0 of 0  length -" in line_of(iteration)
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["reward"] is None
    assert write_report(tmp_path)[0].exists()


def test_tensorboard_reads_the_lines_and_a_resumed_run_has_no_point_twice(tiny_model: Path, tmp_path: Path) -> None:
    run(tiny_model, tmp_path, run__checkpoint_every=2)
    # The checkpoint of its third iteration is lost, so that it is done again.
    run(tiny_model, tmp_path, run__checkpoint_every=10, run__iterations=3, resume=True)
    (tmp_path / "checkpoints" / "00000003" / "manifest.json").unlink()
    time.sleep(1)  # TensorBoard orders files by the second.
    lines = run(tiny_model, tmp_path, run__iterations=4, resume=True)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    tags = events.Tags()["scalars"]
    wanted = {"reward", "rolled/parts/correct", "update/rho/2", "update/gap/sd", "cost/idle_share", "tau_rho"}
    assert wanted <= set(tags)
    points = {point.step: point.value for point in events.Scalars("reward")}
    assert len(events.Scalars("reward")) == 4
    assert points == pytest.approx({line["number"]: line["reward"] for line in lines}, abs=1e-6)


def test_tensorboard_can_be_left_out(tiny_model: Path, tmp_path: Path) -> None:
    run(tiny_model, tmp_path, run__tensorboard=False)
    assert not list(tmp_path.glob("events.*"))
