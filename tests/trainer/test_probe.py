"""`python -m trainer probe`: a set-up is proved before a run depends on it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from trainer.__main__ import main
from trainer.rollout_torch import TorchRollouts


def arguments(model: Path, *more: str) -> list[str]:
    settings = (f"model.path={model}", "rollouts.engine=torch", "rollouts.max_tokens=64", *more)
    return ["probe", *(word for each in settings for word in ("--set", each))]


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_set_up_that_works(tiny_model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(arguments(tiny_model, "update.tokens_per_micro_batch=2000")) == 0
    said = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"engine torch, float32 on cpu: \d+\.\d s", said[0])
    assert re.fullmatch(r"it samples from the weights: gap [\d.e-]+, \d\.\d\d s", said[1])
    moved = re.fullmatch(
        r"and from changed ones, logprobs moved by up to ([\d.]+): gap [\d.e-]+, sync \d\.\d\d s", said[2]
    )
    assert moved is not None
    assert float(moved[1]) > 0.01
    assert re.fullmatch(r"longest batch, 2000 tokens .*: \d+\.\d s, peak memory \d+\.\d GiB", said[3])
    assert not list(tmp_path.iterdir()), "a probe leaves nothing"


def test_an_engine_that_keeps_its_old_weights(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TorchRollouts, "load", lambda *_: None)
    assert main(arguments(tiny_model)) == 1
    assert "trainer: the rollout engine does not sample from version 1" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["prompts.path", "prompts.held_out"])
def test_an_item_that_no_scorer_takes(tiny_model: Path, capsys: pytest.CaptureFixture[str], key: str) -> None:
    line = {"id": "7", "prompt": "1+1=", "item": {"kind": "math", "refrence": "2"}}
    Path("prompts.jsonl").write_text(json.dumps(line))
    assert main(arguments(tiny_model, f"{key}=prompts.jsonl")) == 2
    assert "trainer: prompt 7.item.refrence '2': unknown field" in capsys.readouterr().err


def test_a_set_up_that_is_wrong(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(tiny_model, "rollouts.max_tokens=600")) == 2
    assert "above the model's context" in capsys.readouterr().err
    assert main(["probe", "--set", "model.path=nowhere"]) == 2
