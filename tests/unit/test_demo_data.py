from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from rewards.cli import demo

HUMAN_EVAL = {"task_id": "0", "prompt": "def f():\n", "canonical_solution": "    pass", "test": "", "entry_point": "f"}
PROBLEM = {"question": "1 + 1?", "answer": "so\n#### 2"}
SOLUTIONS = {"question": "1 + 1?", "ground_truth": "2", "model": {"solution": "A: 2", "is_correct": True}}
CONTENTS = (HUMAN_EVAL, PROBLEM, SOLUTIONS)


def put_data_sets(directory: Path) -> None:
    directory.mkdir(parents=True)
    for name, content in zip(demo._FILES, CONTENTS, strict=True):
        (directory / name).write_bytes(gzip.compress(json.dumps(content).encode()))


@pytest.mark.parametrize("place", [".data", "../shared/data"])
def test_the_demo_finds_the_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (tmp_path / "checkout").mkdir()
    monkeypatch.chdir(tmp_path / "checkout")
    put_data_sets(Path(place))
    said = io.StringIO()
    assert [len(items) for items in demo._sets(None, Console(file=said)).values()][1:] == [1, 1]
    assert said.getvalue() == ""


def test_without_data_sets_the_demo_says_what_brings_them(tmp_path: Path) -> None:
    said = io.StringIO()
    assert list(demo._sets(tmp_path, Console(file=said))) == ["sample"]
    assert said.getvalue() == f"only the bundled sample: scripts/fetch-data brings the data sets into {tmp_path}\n"
