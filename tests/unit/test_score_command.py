"""What `assay score` refuses before it touches a file or starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.main import main

ITEM = '{"kind": "math", "completion": "\\\\boxed{1}", "reference": "1"}\n'


@pytest.mark.parametrize("out", ["items.jsonl", "./items.jsonl", "link.jsonl"])
def test_its_own_items_are_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("items.jsonl").write_text(ITEM)
    Path("link.jsonl").symlink_to("items.jsonl")
    assert main(["score", "items.jsonl", "-o", out, "--slots", "1"]) == 2
    assert f"out '{out}': this is the file of the items" in capsys.readouterr().err
    assert Path("items.jsonl").read_text() == ITEM


def test_slots_are_one_at_least(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items, out = tmp_path / "items.jsonl", tmp_path / "out.jsonl"
    items.write_text(ITEM)
    out.write_text("of an earlier run")
    assert main(["score", str(items), "-o", str(out), "--slots", "-1"]) == 2
    assert capsys.readouterr().err == "assay score: slots -1: expected at least 1\n"
    assert out.read_text() == "of an earlier run"
