"""One version: pyproject.toml, Cargo.toml, its crates and the newest release in the changelog have the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]


def toml(path: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / path).read_text())


VERSION: Final = toml("pyproject.toml")["project"]["version"]


def test_cargo_has_the_version_of_the_distribution() -> None:
    workspace = toml("Cargo.toml")["workspace"]
    assert workspace["package"]["version"] == VERSION
    crates = [toml(f"{member}/Cargo.toml")["package"] for member in workspace["members"]]
    assert [crate["version"] for crate in crates] == [{"workspace": True}] * len(crates)
    locked = {package["name"]: package["version"] for package in toml("Cargo.lock")["package"]}
    assert {locked[crate["name"]] for crate in crates} == {VERSION}


def test_the_changelog_has_the_version_as_its_newest_release() -> None:
    releases = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] == VERSION
