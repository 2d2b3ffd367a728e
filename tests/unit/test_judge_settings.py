"""The judge of a configuration file, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import BadInput
from engine.config.settings import load_settings
from engine.scorer import parsed_item
from rewards.judge.config import JudgeConfig
from rewards.kinds import SCORERS, scorers
from rewards.serving import serving
from rewards.settings import judge_of, rewards_config

JUDGE = {"kind": "judge", "question": "q", "reference": "r", "answer": "a"}
MATH = {"kind": "math", "reference": "r", "completion": "a", "judge": True}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "assay.toml"
    path.write_text(text)
    return path


def test_the_table_of_a_file(tmp_path: Path) -> None:
    text = '[rewards.judge]\nbase_url = "http://h/v1"\nmodel = "m"\nvotes = 3\n[rewards.judge.extra_body]\nseed = 1\n'
    config = rewards_config(load_settings(written(tmp_path, text))).judge
    assert config == JudgeConfig(base_url="http://h/v1", model="m", votes=3, extra_body={"seed": 1})
    assert rewards_config(load_settings(None)).judge == JudgeConfig()
    assert judge_of(load_settings(None)) is None


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[rewards.jugde]\n", "rewards.jugde"),
        ('[rewards.judge]\nurl = "http://h"\n', "rewards.judge.url"),
        ('[rewards.judge]\nbase_url = "http://h"\n', "rewards.judge.model"),
        ('[rewards.judge]\nvotes = "three"\n', "rewards.judge.votes"),
        ("[rewards.judge]\nvotes = 2\n", "rewards.judge.votes"),
        ("[rewards]\njudge = 1\n", "rewards.judge"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        rewards_config(load_settings(written(tmp_path, text)))
    assert caught.value.field == field


@pytest.mark.parametrize(("item", "field"), [(JUDGE, "kind"), (MATH, "judge"), ({**MATH, "judge": "always"}, "judge")])
async def test_an_item_that_needs_a_judge_is_refused_where_there_is_none(item: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=r"no judge model is configured here: .* \[rewards.judge\]") as caught:
        parsed_item(SCORERS, item)
    assert caught.value.field == field
    async with serving(load_settings(None)) as (known, _):
        with pytest.raises(BadInput):
            parsed_item(known, item)
    assert set(scorers()) == set(SCORERS) == {"code", "judge", "math"}


async def test_with_a_judge_it_is_an_item(tmp_path: Path) -> None:
    text = '[rewards.judge]\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "m"\n'
    async with serving(load_settings(written(tmp_path, text))) as (known, _):
        for item in (JUDGE, MATH):
            parsed_item(known, item)
