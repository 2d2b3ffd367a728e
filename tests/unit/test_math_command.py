from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([r"\frac{1}{\sqrt{2}}", r"\frac{\sqrt{2}}{2}"], 0, "normal form"),
        (["204", "203"], 1, "different"),
        (["0.67", r"\frac{2}{3}", "--decimals", "rounded"], 0, "rounded at 2 places"),
        (["B", "12", "--type", "choice", "--choice", "B=12"], 0, "choice"),
        (["See the figure.", "5"], 3, "no single answer"),
        (["A", "A", "--type", "choice", "--choice", "AB=12"], 2, ""),
    ],
)
def test_check(arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["math", "check", *arguments]) == code
    assert said in capsys.readouterr().out


def test_inspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "items.jsonl"
    items: list[dict[str, object]] = [{"reference": 5}, {"reference": r"\frac{1}{"}, {"reference": "[0,1)", "level": 3}]
    file.write_text("".join(json.dumps(item) + "\n" for item in items))
    assert main(["math", "inspect", str(file), "--json"]) == 3
    *rows, counts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row.get("type") for row in rows] == ["integer", None, "interval"]
    assert rows[1]["at"] == len(r"\frac{1}{")
    assert counts == {"counts": {"integer": 1, "undecided": 1, "interval": 1}}
    file.write_text(json.dumps(items[0]))
    assert main(["math", "inspect", str(file)]) == 0
