"""`assay bench load` measures every kind of program in every setting."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.bench.mix import KINDS
from engine.cli.main import main

pytestmark = pytest.mark.kernel


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_every_setting_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {kind: tmp_path / f"bench.{kind}" for kind in ("json", "markdown", "png")}
    words = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    sizes = ["--requests", "20", "--in-flight", "8", "--client-requests", "3"]
    assert main(["bench", "load", "--go-judge", "", *sizes, *words]) == 0
    measured = json.loads(files["json"].read_bytes())
    settings = {row["setting"] for row in measured["rows"]}
    assert len(settings) == 3
    assert {(row["setting"], row["kind"]) for row in measured["rows"]} == {
        (setting, kind.name) for setting in settings for kind in KINDS
    }
    assert sum(row["requests"] for row in measured["rows"]) == 3 * 20
    assert sum(row["flips"] for row in measured["rows"]) == 0
    assert [row["requests"] for row in measured["clients"]] == [19 * 3] * 2
    assert "| loop |" in files["markdown"].read_text()
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    assert "go-judge" in capsys.readouterr().out


def test_a_wrong_argument_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "load", "--requests", "many"]) == 2
    assert "assay bench: requests 'many': expected a number" in capsys.readouterr().err
