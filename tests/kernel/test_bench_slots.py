"""`assay bench slots` measures what slots cost that wait."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.main import main

pytestmark = pytest.mark.kernel
SLOTS = 6


@pytest.mark.thorough
def test_every_quantity_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {kind: tmp_path / f"bench.{kind}" for kind in ("json", "markdown")}
    words = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    assert main(["bench", "slots", "--slots", f"1,{SLOTS}", "--seconds", "0.5", *words]) == 0
    alone, row = json.loads(files["json"].read_bytes())
    assert (alone["slots"], row["slots"]) == (1, SLOTS)
    assert 0 < row["ratio_lowest"] <= row["ratio"] <= row["ratio_highest"]
    assert 0 < row["p50_seconds"] < 1
    assert row["sleepers_at_once"] == SLOTS
    assert row["sleepers_seconds"] >= 3
    assert f"| {SLOTS} |" in files["markdown"].read_text()
    assert "asleep" in capsys.readouterr().out


def test_a_wrong_argument_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "slots", "--slots", "many"]) == 2
    assert "assay bench: slots 'many': expected numbers" in capsys.readouterr().err
