"""docs/training.md and README.md do what they say: their samples and the configurations they name run as written."""

from __future__ import annotations

import json
import re
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from rewards.cli.daemon import own_daemon
from trainer import Trainer, TrainerConfig
from trainer.__main__ import main
from trainer.tasks.tasks import write_task

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "trainer/configs"
SMALL: dict[str, Any] = {
    "run.iterations": 2,
    "rollouts.engine": "torch",
    "rollouts.groups_per_iteration": 4,
    "rollouts.rollouts_per_group": 4,
    "rollouts.max_tokens": 12,
    # What a model of random weights puts into a box is often no number at all.
    "rewards.max_not_judged": 1.0,
}


def samples(page: str, language: str, word: str) -> list[str]:
    """The page's blocks in that language that have the word in them."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if word in block]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_daemon(tmp_path_factory.mktemp("daemon"), 1, Console(quiet=True)) as address:
        yield address


@pytest.fixture
def small(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> dict[str, Any]:
    """In a directory with prompts, what makes a configuration small."""
    write_task("sort", tmp_path, train=20, evaluation=2, warm_up=1)
    monkeypatch.chdir(tmp_path)
    return SMALL | {"model.path": str(tiny_model), "rewards.address": address}


@pytest.fixture
def run_toml(small: dict[str, Any]) -> TrainerConfig:
    """The file of the page, made small, as run.toml."""
    (file,) = samples("docs/training.md", "toml", "[run]")
    Path("page.toml").write_text(file)
    config = TrainerConfig.load("page.toml", small)
    Path("run.toml").write_bytes(msgspec.toml.encode(config.to_table()))
    return config


def lines(directory: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(directory) / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.server
@pytest.mark.kernel
def test_the_loop_of_the_page(run_toml: TrainerConfig) -> None:
    (loop,) = samples("docs/training.md", "python", "with Trainer")
    exec(compile(loop, "training.md", "exec"), {})
    assert [line["number"] for line in lines(run_toml.run.directory)] == [0, 1, 2]
    assert Path("policy/model.safetensors").exists()


@pytest.mark.server
@pytest.mark.kernel
def test_the_same_step_by_step(run_toml: TrainerConfig) -> None:
    (steps,) = samples("docs/training.md", "python", "trainer.rollout()")
    with Trainer(run_toml) as trainer:
        names: dict[str, Any] = {"trainer": trainer}
        exec(compile(steps, "training.md", "exec"), names)
        assert trainer.policy_version == 1
        assert len(names["advantages"]) == names["update"].rollouts


@pytest.mark.server
@pytest.mark.kernel
def test_the_loop_of_the_readme(run_toml: TrainerConfig, capsys: pytest.CaptureFixture[str]) -> None:
    (loop,) = samples("README.md", "python", "with Trainer")
    exec(compile(loop, "README.md", "exec"), {"Trainer": Trainer, "TrainerConfig": TrainerConfig})
    told = [f"{line['number']} {line['reward']}" for line in lines(run_toml.run.directory)[1:]]
    assert capsys.readouterr().out.splitlines() == told


@pytest.mark.parametrize("name", ["cpu", "one-gpu", "many-gpus"])
def test_a_configuration_that_comes_along_is_one(name: str) -> None:
    file = CONFIGS / f"{name}.toml"
    config = TrainerConfig.load(file)
    assert config.run.directory == f"runs/{name}"
    assert {"run", "model", "prompts", "rollouts", "rewards", "update"} <= tomllib.loads(file.read_text()).keys()
    assert f"`{file.relative_to(ROOT)}`" in (ROOT / "docs/training.md").read_text()


@pytest.mark.server
@pytest.mark.kernel
def test_the_one_for_a_cpu_runs(small: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for key, value in small.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    try:
        assert main(["run", str(CONFIGS / "cpu.toml"), *words]) == 0
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert [line["number"] for line in lines("runs/cpu")] == [0, 1, 2]
    assert Path("runs/cpu/policy/model.safetensors").exists()
