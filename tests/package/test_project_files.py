"""What is said to contributors is there: targets, files, hooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[2]
TARGETS: Final = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
SAYING: Final = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    ".pre-commit-config.yaml",
    ".github/workflows/ci.yml",
    "examples/README.md",
    "examples/verl/README.md",
    "scripts/client-wheel/README.md",
    "tests/programs/README.md",
]


@pytest.mark.parametrize("name", SAYING)
def test_every_target_is_in_the_makefile(name: str) -> None:
    text = (ROOT / name).read_text()
    said = " ".join(re.findall(r"(?:`|entry: |run: |^    )make ([a-z0-9 -]+)", text, re.MULTILINE))
    assert set(said.split()) <= TARGETS


@pytest.mark.parametrize("name", SAYING)
def test_every_path_is_there(name: str) -> None:
    text = (ROOT / name).read_text()
    first = "assay|benches|docs|engine|examples|native|rewards|scripts|tests"
    paths = re.findall(rf"(?<![\w./-])((?:{first})/[\w./-]*\w)", text)
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    missing = [path for path in paths if not (ROOT / path).exists()]
    missing += [link for link in links if not ((ROOT / name).parent / link).exists()]
    assert missing == []


def test_hooks_and_workflow_are_what_their_programs_read() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert {hook["id"]: hook["entry"] for hook in hooks} == {"lint": "make lint", "check": "make check"}
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert ".ci/run" in commands
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
