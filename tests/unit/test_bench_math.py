"""`assay bench math`: what it counts, and what it says where the peer or the table is not there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from engine.cli.main import main
from rewards.bench.math import verdict
from rewards.bench.math_pairs import equations

ROWS = [
    {"type": "integer", "reference": "204", "answer": "204.0", "expected": "correct"},
    {"type": "integer", "reference": "204", "answer": "203", "expected": "correct"},
    {"type": "cheat", "reference": "1", "answer": "1", "expected": "incorrect"},
    {"type": "undecided", "reference": "", "answer": "1", "expected": "undecided"},
]


@pytest.fixture
def without_peer(tmp_path: Path) -> str:
    """A Python that has no math-verify, whatever the one that runs the tests has."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'raise ImportError'\n")
    python.chmod(0o755)
    return str(python)


def test_what_is_judged_wrongly_is_counted_and_listed(
    tmp_path: Path, without_peer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table, numbers, page = tmp_path / "rows.jsonl", tmp_path / "out.json", tmp_path / "out.md"
    table.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    words = ["--golden", "--table", str(table), "--peer-python", without_peer]
    assert main(["bench", "math", *words, "--json", str(numbers), "--markdown", str(page)]) == 0
    said = json.loads(numbers.read_text())
    counts = {row["type"]: (row["wrong_accepts"], row["wrong_rejects"], row["undecided"]) for row in said["agreements"]}
    assert counts == {"integer": (0, 1, 0), "cheat": (1, 0, 0), "undecided": (0, 0, 0)}
    assert [row["answer"] for row in said["disagreements"]] == ["203", "1"]
    assert "pip install" in capsys.readouterr().out
    assert "| all | 4 | 1 | 1 | 0 |" in page.read_text()


def test_a_table_or_a_python_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "missing")
    assert main(["bench", "math", "--table", missing]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["bench", "math", "--golden", "--peer-python", missing]) == 2
    assert "peer-python" in capsys.readouterr().err


def test_generated_equations_are_judged_as_they_were_made() -> None:
    assert [pair for pair in equations() if verdict(pair) != pair.expected] == []
