"""The picture and the page of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.errors import BadInput
from trainer.report import read_lines, write_report


def line(number: int) -> dict[str, Any]:
    return {
        "number": number,
        "reward": 0.1 * number,
        "probe_gap": 1e-6,
        "seconds": {"rollouts": 1.0, "update": 2.0, "sync": 0.1},
        "held_out": {"sampled": 0.2, "greedy": 0.3} if number % 2 else None,
        "rolled": {
            "tokens": 100,
            "generating_seconds": 0.8,
            "scoring_seconds": 0.2,
            "cut": 1,
            "lengths": 7.5,
            "ended": {"stop": 3},
            "not_judged": {"a fault": 1},
            "parts": {"correct": 0.5},
            "groups": 4,
            "uniform": 1,
            "buffered": 0,
            "pass_rate": {"1": 0.5, "2": 0.25} if number % 2 else {},
        },
        "tau_rho": 0.01,
        "cost": {
            "tokens_per_second": 32.0,
            "trained_tokens_per_second": 90.0,
            "idle_share": 0.25,
            "memory_bytes": 3 << 29,
        },
        "update": {
            "rho": [0.0, 0.1],
            "gradient_norm": [1.0, 0.9],
            "advantage": 0.4,
            "entropy": 1.2,
            "gap": {"sd": 1e-6, "max": 1e-5},
        },
    }


def test_a_run_becomes_a_picture_and_a_page(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[run]\n")
    lines = [line(number) for number in range(1, 5)]
    lines[0] |= {"reward": None, "rolled": {**line(1)["rolled"], "parts": {}, "lengths": None}}
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    rollout = {"number": 1, "prompt_id": "p", "end": "stop", "reward": 1.0, "verdict": "ACCEPTED", "text": "<script>"}
    rollout |= {"prompt": "1 + 1 ="}
    (tmp_path / "rollouts.jsonl").write_text(json.dumps(rollout) + "\n")
    picture, page = write_report(tmp_path)
    assert picture.read_bytes().startswith(b"\x89PNG")
    said = page.read_text()
    assert "4 iterations in 12 s; 32 response tokens per second" in said
    assert "reward 0.200 at first, 0.400 at last" in said
    assert "25% of the time idle; 1.5 GiB of memory at the most" in said
    assert "1 + 1 =" in said
    assert "&lt;script&gt;" in said
    assert "<script" not in said
    assert "http" not in said.replace("data:image", "")


def test_a_directory_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no iteration"):
        write_report(tmp_path)


def test_a_line_that_is_still_written_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"a": 1}\n{"a": ')
    assert read_lines(tmp_path / "lines") == [{"a": 1}]


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\u0085", "\r"])
def test_a_sign_in_a_text_that_ends_lines_ends_none(tmp_path: Path, sign: str) -> None:
    (tmp_path / "lines").write_bytes(msgspec.json.encode({"text": f"a{sign}b"}) + b"\n")
    assert read_lines(tmp_path / "lines") == [{"text": f"a{sign}b"}]
