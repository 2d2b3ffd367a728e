"""The warm-up's examples."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.trainer.conftest import STOP
from trainer.__main__ import main
from trainer.prompts import load_tokenizer, stop_tokens
from trainer.sft import _end


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "data '{file}': there is no line in it"),
        ([("1>", "2"), ("1>", "2" * 20_000)], "{file}:2.completion '222"),
        ([("", "2")], "{file}:1.prompt '': no token in it"),
    ],
)
def test_data_that_cannot_be_learned_is_named_by_its_line(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[tuple[str, str]], said: str
) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text("".join(json.dumps({"prompt": prompt, "completion": text}) + "\n" for prompt, text in lines))
    assert main(["sft", str(tiny_model), str(file), str(tmp_path / "out"), "--steps=1", "--batch=2"]) == 2
    assert capsys.readouterr().err.startswith("trainer: " + said.format(file=file))


def test_a_solution_ends_as_the_tokenizer_says(tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    # As chat models have it: the end of a document, with a smaller id, stops a response too.
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": [STOP, 0]}))
    tokenizer = load_tokenizer(model)
    assert stop_tokens(model, tokenizer) == (0, STOP)
    assert _end(str(model), tokenizer) == STOP
