"""`assay bench code` and `assay bench step` judge rightly, and say what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.main import main

pytestmark = pytest.mark.kernel


def words(place: Path) -> list[str]:
    return [word for kind in ("json", "markdown", "png") for word in (f"--{kind}", str(place / f"bench.{kind}"))]


@pytest.mark.timeout(300)
def test_every_form_is_judged_every_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forms = "python-calls,python-stdin,cpp-stdin"
    sizes = ["--sets", forms, "--problems", "2", "--rounds", "1", "--in-flight", "2"]
    assert main(["bench", "code", *sizes, *words(tmp_path)]) == 0
    measured = json.loads((tmp_path / "bench.json").read_bytes())
    assert {(row["set"], row["way"]) for row in measured["rows"]} == {
        (form, way)
        for form in forms.split(",")
        for way in ("assay", "subprocess", "fork")
        if form != "cpp-stdin" or way != "fork"
    }
    assert [row["false"] + row["lost"] for row in measured["rows"]] == [0] * len(measured["rows"])
    assert "| cpp-stdin | assay |" in (tmp_path / "bench.markdown").read_text()
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert "prime_code: give a Python that has it" in capsys.readouterr().out


@pytest.mark.timeout(300)
def test_a_small_step(tmp_path: Path) -> None:
    sizes = ["--problems", "4", "--completions", "5", "--tests", "3"]
    assert main(["bench", "step", *sizes, *words(tmp_path)]) == 0
    measured = json.loads((tmp_path / "bench.json").read_bytes())
    assert [row["step"] for row in measured["rows"]] == ["first of a daemon", "second"]
    for row in measured["rows"]:
        assert (row["false"], row["lost"], len(row["ended_seconds"])) == (0, 0, 20)
        assert row["but_loops_seconds"] < row["all_seconds"]
        assert 0 < row["program_seconds"] < row["busy_seconds"]
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_a_wrong_argument_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "code", "--sets", "APPS"]) == 2
    assert "assay bench: sets 'APPS': expected some of HumanEval" in capsys.readouterr().err
    assert main(["bench", "step", "--tests", "none"]) == 2
    assert "tests 'none': expected a number" in capsys.readouterr().err
