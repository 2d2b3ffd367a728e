"""A run that is cut off goes on as if it had not been: the same numbers, no prompt skipped or done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console

from engine.errors import BadInput
from rewards.cli.daemon import own_daemon
from trainer import Prompt, Trainer, TrainerConfig, checkpoint
from trainer.tasks.tasks import write_task

ITERATIONS = 6
SETTINGS: dict[str, Any] = {
    "run.iterations": ITERATIONS,
    "run.checkpoint_every": 2,
    "rollouts.groups_per_iteration": 4,
    "rollouts.rollouts_per_group": 3,
    "rollouts.max_tokens": 14,
    "rollouts.segment_tokens": 5,
    "rollouts.train_segments": "all",
    "update.learning_rate": 1e-3,
    "rewards.max_not_judged": 1.0,
}


def prompts() -> list[Prompt]:
    return [
        Prompt(id=str(number), tokens=np.arange(10 + number, 16 + number, dtype=np.int32), item={})
        for number in range(9)
    ]


async def likes_letters(_prompt: Prompt, text: str) -> float:
    return sum(map(str.islower, text)) / max(len(text), 1)


def config_of(model: Path, directory: Path, **overrides: Any) -> TrainerConfig:
    own = {"model.path": str(model), "run.directory": str(directory), "rollouts.engine": "torch"}
    return TrainerConfig.load(
        None, SETTINGS | own | {key.replace("__", "."): value for key, value in overrides.items()}
    )


def numbers(directory: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, without what a clock and the machine say."""
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("seconds", None)
        line.pop("cost", None)
        for name in ("generating_seconds", "scoring_seconds"):
            line.get("rolled", {}).pop(name, None)
    return lines


def run(config: TrainerConfig, *, iterations: int = ITERATIONS, resume: bool = False) -> None:
    with Trainer(config, prompts=prompts(), reward=likes_letters, resume=resume) as trainer:
        while trainer.number < iterations:
            trainer.step()


@pytest.mark.parametrize("engine", ["torch", pytest.param("vllm", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("reset", [True, False])
def test_a_resumed_run_has_the_numbers_of_one_that_was_not_cut(
    tiny_model: Path, tmp_path: Path, engine: str, reset: bool
) -> None:
    own = {"rollouts__engine": engine, "update__reset_optimizer": reset}
    run(config_of(tiny_model, tmp_path / "whole", **own))
    cut = config_of(tiny_model, tmp_path / "cut", **own)
    # Dies after an iteration that no checkpoint has.
    run(cut, iterations=3)
    run(cut, resume=True)
    assert numbers(tmp_path / "cut") == numbers(tmp_path / "whole")


def test_a_run_is_not_written_over_and_nothing_to_resume_is_a_beginning(tiny_model: Path, tmp_path: Path) -> None:
    config = config_of(tiny_model, tmp_path)
    run(config, iterations=1, resume=True)
    with pytest.raises(BadInput, match=r"there is a run in it: go on with --resume"):
        run(config)
    run(config, iterations=2, resume=True)
    assert [line["number"] for line in numbers(tmp_path)] == [1, 2]


@pytest.mark.parametrize("damage", ["truncated", "missing", "no manifest"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    run(config_of(tiny_model, tmp_path / "whole"))
    config = config_of(tiny_model, tmp_path / "cut")
    run(config, iterations=4)
    newest = max((tmp_path / "cut" / "checkpoints").iterdir())
    match damage:
        case "truncated":
            weights = newest / "model" / "model.safetensors"
            os.truncate(weights, weights.stat().st_size // 2)
        case "missing":
            (newest / "state.msgpack").unlink()
        case _:
            (newest / "manifest.json").unlink()
    run(config, resume=True)
    assert f"checkpoint {newest} is damaged" in caplog.text
    assert numbers(tmp_path / "cut") == numbers(tmp_path / "whole")


def test_where_every_checkpoint_is_damaged_nothing_is_written_over(tiny_model: Path, tmp_path: Path) -> None:
    config = config_of(tiny_model, tmp_path, run__checkpoint_every=1)
    run(config, iterations=2)
    for place in (tmp_path / "checkpoints").iterdir():
        (place / "state.msgpack").write_bytes(b"")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(BadInput, match=r"^run.directory '.*': none of its checkpoints is whole"):
        run(config, resume=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_two_checkpoints_are_kept(tiny_model: Path, tmp_path: Path) -> None:
    run(config_of(tiny_model, tmp_path))
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["00000004", "00000006"]


def test_what_is_computed_may_not_change_but_where_and_in_how_much_memory(tiny_model: Path, tmp_path: Path) -> None:
    run(config_of(tiny_model, tmp_path), iterations=2)
    with pytest.raises(BadInput, match=r"^update.tau 0.7: the run that is resumed began with 0.1$"):
        run(config_of(tiny_model, tmp_path, update__tau=0.7), resume=True)
    other = {
        "run__iterations": 3,
        "rewards__max_not_judged": 0.5,
        "update__tokens_per_micro_batch": 64,
        "update__head_chunk": 16,
        "model__gradient_checkpointing": True,
        "rollouts__kv_cache_bytes": 1 << 20,
    }
    run(config_of(tiny_model, tmp_path, **other), iterations=3, resume=True)


def test_a_checkpoint_of_another_version_has_the_defaults_of_keys_it_lacks(caplog: pytest.LogCaptureFixture) -> None:
    config = TrainerConfig.load(None, {"update.tau": 0.5})
    table = config.to_table()
    del table["update"]["gap_limit"], table["sampling"]
    table["update"]["of_old"] = 1
    checkpoint.check_config(checkpoint.State(config=table), config)
    assert "no more, which are left out: update.of_old" in caplog.text
    with pytest.raises(BadInput, match=r"^update.gap_limit 0.3: the run that is resumed began with 0.2$"):
        checkpoint.check_config(
            checkpoint.State(config=table), TrainerConfig.load(None, {"update.tau": 0.5, "update.gap_limit": 0.3})
        )


def start(config: TrainerConfig, file: Path, *more: str) -> subprocess.Popen[bytes]:
    file.write_bytes(msgspec.toml.encode(config.to_table()))
    command = [sys.executable, "-m", "trainer", "run", str(file), "--resume", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ended(process: subprocess.Popen[bytes]) -> str:
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 0, said.decode()
    return said.decode()


def lines_there(directory: Path) -> int:
    file = directory / "metrics.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


# One after the other in the life of one run: each time it gets further than the last checkpoint, or dies before it.
DEATHS = (
    ("rollout_{engine}.{Engine}Rollouts.step", 8),
    ("rewards.Scoring.finished", 12),
    ("update.log_ratios", 7),
    ("rollout_{engine}.{Engine}Rollouts.load", 2),
    ("weights.WeightSync.probe", 4),
    ("metrics.Metrics.write", 2),
    ("policy.Policy.save", 1),
    ("checkpoint._digest", 5),
    ("checkpoint._sync", 6),
    ("checkpoint._places", 3),
)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("engine", "name"),
    [
        pytest.param("torch", "Torch", marks=pytest.mark.thorough),
        # Each life starts vLLM: minutes.
        pytest.param("vllm", "VLLM", marks=pytest.mark.soak),
    ],
)
def test_killed_in_every_phase(tiny_model: Path, tmp_path: Path, engine: str, name: str) -> None:
    own = {"run__iterations": 16, "rollouts__engine": engine, "rollouts__kv_cache_bytes": 32 << 20}
    run(config_of(tiny_model, tmp_path / "whole", **own), iterations=16)
    file = tmp_path / "cut.toml"
    file.write_bytes(msgspec.toml.encode(config_of(tiny_model, tmp_path / "cut", **own).to_table()))
    command = [sys.executable, "-m", "tests.support.train_and_die", str(file)]
    for place, number in DEATHS:
        death = [place.format(engine=engine, Engine=name), str(number)]
        died = subprocess.run([*command, *death], capture_output=True, text=True, timeout=100)
        assert died.returncode == -signal.SIGKILL, (death, died.stderr)
    assert numbers(tmp_path / "cut") != numbers(tmp_path / "whole")
    subprocess.run(command, check=True, timeout=100)
    assert numbers(tmp_path / "cut") == numbers(tmp_path / "whole")


@pytest.mark.server
@pytest.mark.kernel
def test_sigterm_finishes_the_iteration_and_its_checkpoint(tiny_model: Path, tmp_path: Path) -> None:
    write_task("sort", tmp_path, train=30, evaluation=4, warm_up=1)
    with own_daemon(tmp_path, 2, Console(quiet=True)) as address:
        config = config_of(
            tiny_model,
            tmp_path / "run",
            run__iterations=10_000,
            run__checkpoint_every=10_000,
            prompts__path=str(tmp_path / "prompts.jsonl"),
            rewards__address=address,
        )
        process = start(config, tmp_path / "run.toml")
        while lines_there(tmp_path / "run") < 2 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        said = ended(process)
    assert f"stopped after iteration {lines_there(tmp_path / 'run')}" in said
