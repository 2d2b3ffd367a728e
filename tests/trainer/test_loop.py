"""Whole iterations: rollouts by real engines, rewards, updates, syncs."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from engine.repeat import RepeatDetector
from rewards.cli.daemon import own_daemon
from tests.support.training import likes_letters
from tests.trainer.conftest import NewTrainer
from trainer import Group, Prompt, RewardsUnavailable, Trainer, TrainerConfig
from trainer.rollout_torch import TorchRollouts
from trainer.tasks.tasks import write_task
from trainer.types import End, Output


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in trainer.policy.weights()}


def same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("settings", "usual"),
    [
        ({}, 1e-3),
        ({"update__sampler_correction": "token_truncate"}, 1e-3),
        ({"model__dtype": "float16"}, 0.1),
        ({"model__dtype": "bfloat16"}, 0.5),
    ],
    ids=lambda settings: "-".join(map(str, settings.values())) if isinstance(settings, dict) else "",
)
def test_a_reward_of_ones_own_rises(new_trainer: NewTrainer, settings: dict[str, str], usual: float) -> None:
    trainer = new_trainer(likes_letters, run__iterations=15, update__learning_rate=3e-3, **settings)
    iterations = list(trainer)
    assert [iteration.number for iteration in iterations] == list(range(1, 16))
    rewards = [iteration.reward or 0.0 for iteration in iterations]
    assert np.mean(rewards[-3:]) > rewards[0] + 0.3
    assert max(iteration.probe_gap for iteration in iterations) < usual
    assert max(iteration.update.gap.max for iteration in iterations) < usual


def test_metrics_are_the_lines_of_the_iterations(new_trainer: NewTrainer) -> None:
    trainer = new_trainer(likes_letters)
    iterations = list(trainer)
    lines = (trainer.directory / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["reward"] for line in lines] == [iteration.reward for iteration in iterations]
    assert TrainerConfig.load(trainer.directory / "config.toml") == trainer.config


def test_the_same_run_twice_gives_the_same_numbers(new_trainer: NewTrainer, tmp_path: Path) -> None:
    rewards = [
        [iteration.reward for iteration in new_trainer(likes_letters, run__directory=str(tmp_path / name))]
        for name in ("one", "two")
    ]
    assert rewards[0] == rewards[1]


def test_the_parts_of_an_iteration_in_a_loop_of_ones_own(new_trainer: NewTrainer) -> None:
    trainer = new_trainer(likes_letters)
    before = weights(trainer)
    groups = trainer.rollout()
    assert groups
    assert all(group.closed for group in groups)
    advantages = trainer.advantages(groups)
    assert advantages.shape == (sum(len(group.rollouts) for group in groups),)
    assert abs(advantages.sum().item()) < 1e-5
    update = trainer.update(groups, advantages)
    assert update.rho[0] == 0.0
    assert update.rho[-1] > 0.0
    assert trainer.sync() < 1e-4
    assert not same(before, weights(trainer))


def test_equal_rewards_change_no_weight(new_trainer: NewTrainer) -> None:
    async def satisfied(_prompt: Prompt, _text: str) -> float:
        return 1.0

    trainer = new_trainer(satisfied)
    before = weights(trainer)
    iterations = list(trainer)
    assert same(before, weights(trainer))
    assert [iteration.rolled.uniform for iteration in iterations] == [4, 4, 4]
    assert all(set(iteration.update.rho) == {0.0} for iteration in iterations)


@pytest.mark.parametrize("train_segments", ["last", "all"])
def test_partial_rollouts_close_their_groups_and_the_buffer_never_grows(
    new_trainer: NewTrainer, train_segments: str
) -> None:
    trainer = new_trainer(
        likes_letters, run__iterations=8, rollouts__segment_tokens=5, rollouts__train_segments=train_segments
    )
    closed = 0
    for iteration in trainer:
        assert iteration.rolled.buffered <= 4
        closed += sum(iteration.rolled.ended.values()) // 4
    # 12 tokens in segments of 5: a group lives for three iterations at most.
    assert closed >= 8


def test_segments_cover_a_rollout_and_resumed_ones_do_not_repeat_their_random_numbers(new_trainer: NewTrainer) -> None:
    trainer = new_trainer(likes_letters, rollouts__segment_tokens=5, update__learning_rate=1e-9)
    groups: list[Group] = []
    for _ in range(3):
        groups += trainer.rollout()
        trainer.policy_version += 1
    segmented = [rollout for group in groups for rollout in group.rollouts if len(rollout.segments) == 3]
    assert segmented
    for rollout in segmented:
        assert [(segment.start, segment.end) for segment in rollout.segments] == [
            (0, 5),
            (5, 10),
            (10, len(rollout.tokens)),
        ]
        assert [segment.policy_version for segment in rollout.segments] == [0, 1, 2]
    repeats = [(rollout.tokens[:5] == rollout.tokens[5:10]).mean() for rollout in segmented]
    assert np.mean(repeats) < 0.5


@pytest.mark.parametrize("engine", ["torch", pytest.param("vllm", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("segment_tokens", [0, 30])
def test_a_response_that_repeats_itself_is_stopped_and_stays_in_its_group(
    new_trainer: NewTrainer, engine: str, segment_tokens: int
) -> None:
    trainer = new_trainer(
        likes_letters,
        rollouts__engine=engine,
        rollouts__max_tokens=100,
        rollouts__segment_tokens=segment_tokens,
        rollouts__temperature=0.15,
        rewards__weights__repeat=-0.5,
        repeats__loop_copies=3,
        repeats__loop_tokens=6,
    )
    groups = [group for _ in range(8) for group in trainer.rollout()]
    everyone = [rollout for group in groups for rollout in group.rollouts]
    stopped = [rollout for rollout in everyone if rollout.end is End.REPEAT]
    assert stopped
    assert all(len(group.rollouts) == 4 for group in groups)
    for rollout in everyone:
        detector = RepeatDetector(trainer.config.repeats)
        repeat = detector.feed_one(detector.open(), rollout.tokens)
        assert (repeat is not None and repeat.at == len(rollout.tokens)) == (rollout.end is End.REPEAT)
        assert rollout.parts["repeat"] == (rollout.end is End.REPEAT)


def test_an_engine_that_is_ahead_changes_no_rollout(
    new_trainer: NewTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rollouts(name: str) -> list[tuple[str, list[int], End | None]]:
        trainer = new_trainer(
            likes_letters,
            run__directory=str(tmp_path / name),
            rollouts__max_tokens=60,
            rollouts__temperature=0.15,
            repeats__loop_copies=3,
            repeats__loop_tokens=6,
        )
        groups = [group for _ in range(3) for group in trainer.rollout()]
        return [(one.id, one.tokens.tolist(), one.end) for group in groups for one in group.rollouts]

    one_by_one = rollouts("one by one")
    assert {end for _, _, end in one_by_one} > {End.REPEAT}
    step = TorchRollouts.step

    def seven(engine: TorchRollouts) -> list[Output]:
        said: dict[str, Output] = {}
        for output in (output for _ in range(7) for output in step(engine)):
            before = said.get(output.id, Output(id=output.id, tokens=[], logprobs=[]))
            tokens, logprobs = before.tokens + output.tokens, before.logprobs + output.logprobs
            said[output.id] = replace(output, tokens=tokens, logprobs=logprobs)
        return list(said.values())

    monkeypatch.setattr(TorchRollouts, "step", seven)
    assert rollouts("seven at once") == one_by_one


def test_the_length_reward_begins_at_its_iteration(new_trainer: NewTrainer) -> None:
    config = new_trainer(likes_letters, length__start_iteration=2, length__weight=0.3).config
    assert [config.weights_in(number).length for number in (1, 2, 3)] == [0.0, 0.3, 0.3]


def test_rewards_are_asked_for_while_others_still_generate(new_trainer: NewTrainer) -> None:
    under_way = most = 0

    async def slow(_prompt: Prompt, text: str) -> float:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1
        return float(len(text) % 2)

    trainer = new_trainer(slow)
    trainer.rollout()
    assert most > 1


def test_a_daemon_that_is_gone_is_waited_for_and_then_stops_the_run(
    new_trainer: NewTrainer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = new_trainer(None, rewards__address=f"unix://{tmp_path}/none.sock", rewards__patience_seconds=0.5)
    assert "no daemon for the rewards yet (rewards.address): no daemon at" in caplog.text
    with pytest.raises(RewardsUnavailable, match=r"no reward for 0.5 s \(rewards.patience_seconds\)"):
        trainer.step()
    assert caplog.text.count("waiting for rewards, 0.5 s at most") == 1


@pytest.mark.server
@pytest.mark.kernel
@pytest.mark.parametrize("task", ["sort", "program"])
def test_vllm_and_the_daemon(new_trainer: NewTrainer, tmp_path: Path, task: str) -> None:
    write_task(task, tmp_path, train=20, evaluation=4, warm_up=1)
    with own_daemon(tmp_path, 2, Console(quiet=True)) as address:
        trainer = new_trainer(
            None,
            run__iterations=2,
            prompts__path=str(tmp_path / "prompts.jsonl"),
            prompts__held_out=str(tmp_path / "held-out.jsonl"),
            rollouts__engine="vllm",
            rewards__address=address,
        )
        iterations = list(trainer)
        trainer.close()
    assert all(sum(iteration.rolled.ended.values()) == 16 for iteration in iterations)
    # What a model of random weights puts into a box is often no number at all.
    assert task == "sort" or all(not iteration.rolled.not_judged for iteration in iterations)
    assert max(iteration.probe_gap for iteration in iterations) < 1e-4
    held_out = iterations[-1].held_out
    assert held_out is not None
    assert len(held_out.by_prompt) == 4


@pytest.mark.server
@pytest.mark.kernel
@pytest.mark.parametrize("gone_seconds", [3, pytest.param(20, marks=pytest.mark.thorough)])
def test_a_daemon_that_goes_away_in_the_middle_costs_time_and_no_reward(
    new_trainer: NewTrainer, tmp_path: Path, gone_seconds: int
) -> None:
    write_task("program", tmp_path, train=20, evaluation=1, warm_up=1)
    place = tmp_path / "daemon"
    place.mkdir()
    with ExitStack() as first:
        address = first.enter_context(own_daemon(place, 2, Console(quiet=True)))
        trainer = new_trainer(
            None,
            run__iterations=4,
            prompts__path=str(tmp_path / "prompts.jsonl"),
            rewards__address=address,
        )
        iterations = [trainer.step()]
    with ThreadPoolExecutor(1) as thread:
        rest = thread.submit(lambda: [trainer.step() for _ in range(3)])
        time.sleep(gone_seconds)
        assert not rest.done()
        with own_daemon(place, 2, Console(quiet=True)):
            iterations += rest.result(100)
    assert all(sum(iteration.rolled.ended.values()) == 16 for iteration in iterations)
    assert all(not iteration.rolled.not_judged for iteration in iterations)
