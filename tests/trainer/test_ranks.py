"""Two processes with the weights spread over them are one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from trainer import TrainerConfig
from trainer.prompts import load_tokenizer

SCRIPT = "tests.support.train_on_ranks"


def settings(model: Path) -> TrainerConfig:
    return TrainerConfig.load(
        None,
        {
            "run.iterations": 2,
            "model.path": str(model),
            "rollouts.engine": "torch",
            "rollouts.groups_per_iteration": 3,
            "rollouts.rollouts_per_group": 4,
            "rollouts.max_tokens": 12,
            # One group in each: an odd number for two ranks.
            "update.tokens_per_micro_batch": 60,
            "update.learning_rate": 1e-3,
        },
    )


@pytest.mark.timeout(300)
def test_two_ranks_are_one_process(tiny_model: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_bytes(msgspec.toml.encode(settings(tiny_model).to_table()))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    one = [sys.executable, "-m", SCRIPT, str(file), str(tmp_path / "one")]
    subprocess.run(one, env=environment, check=True, timeout=100)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    two = [*torchrun, "-m", SCRIPT, str(file), str(tmp_path / "two")]
    done = subprocess.run(two, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    # Every rank sees the iterations; the first writes them.
    assert sorted(line.split()[:2] for line in done.stdout.splitlines()) == [[r, i] for r in "01" for i in "12"]

    alone, together = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    assert len(alone) == len(together) == 3
    assert alone[1]["reward"] == together[1]["reward"]
    for name in ("loss", "gradient_norm", "rho"):
        assert together[1]["update"][name] == pytest.approx(alone[1]["update"][name], rel=1e-4, abs=1e-6)
    assert together[2]["reward"] == pytest.approx(alone[2]["reward"], abs=0.05)
    assert max(line["probe_gap"] for line in together[1:]) < 1e-4

    ours, theirs = (load_file(tmp_path / name / "policy" / "model.safetensors") for name in ("one", "two"))
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert_close(theirs[name], ours[name], rtol=1e-3, atol=1e-4)
    assert load_tokenizer(tmp_path / "two" / "policy").eos_token_id == 1
