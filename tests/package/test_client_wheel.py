"""The wheel of the clients alone, built, and tried where nothing else is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.canned_daemon import canned_daemon

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
CLIENTS: Final = """
import asyncio, json, sys
from assay import Program, RewardClient
import rewards
url, items = sys.argv[1], json.loads(sys.argv[2])
async def scored():
    async with rewards.RewardClient(url) as client:
        return await client.score_many(items)
print([reward.reward for reward in asyncio.run(scored())])
with RewardClient.sync(url) as client:
    print([reward.reward for reward in client.score_many(items)])
print(rewards.__file__)
"""
ITEMS: Final = [{"kind": "math", "completion": answer, "reference": "42"} for answer in ("42", "41")]


def project(path: str) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / path).read_text())["project"]
    return table


@pytest.fixture(scope="module")
def uv() -> str:
    found = shutil.which("uv") or shutil.which("uv", path=CACHE / "assay/uv/bin")
    return found or pytest.skip("needs uv: scripts/bootstrap installs it")


def output(*command: str | Path, cwd: Path) -> str:
    """What it says; a skip where a registry of packages cannot be reached."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if "Failed to fetch" in done.stdout or "dns error" in done.stdout:
        pytest.skip(f"needs a registry of packages: {done.stdout.splitlines()[-1].strip()}")
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    output(ROOT / "scripts/client-wheel/build", place, cwd=place)
    (found,) = place.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def clean(uv: str, wheel: Path) -> Path:
    """A directory with an environment that has nothing but the wheel and its dependencies: its Python."""
    place = wheel.parent
    output(uv, "venv", "--quiet", "--python", os.path.realpath(sys.executable), "venv", cwd=place)
    python = place / "venv/bin/python"
    constraints = ("--constraints", ROOT / "constraints.txt")
    output(uv, "pip", "install", "--quiet", "--python", python, *constraints, wheel, cwd=place)
    return python


def test_it_is_for_every_system_and_has_no_native_module(wheel: Path) -> None:
    assert wheel.name == f"assay_client-{project('pyproject.toml')['version']}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"assay", "engine", "rewards"}
    assert not [name for name in names if name.endswith((".so", ".pyc"))]
    assert {"assay/py.typed", "engine/py.typed", "rewards/py.typed"} <= set(names)
    there = {
        str(path.relative_to(ROOT))
        for package in ("assay", "engine", "rewards")
        for path in (ROOT / package).rglob("*.py")
    }
    assert there <= set(names)


def test_its_clients_and_its_command_score_at_a_daemon(clean: Path) -> None:
    place = clean.parents[2]
    (place / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    with canned_daemon() as url:
        said = output(clean, "-I", "-c", CLIENTS, url, json.dumps(ITEMS), cwd=place)
        output(clean, "-m", "assay", "score", "items.jsonl", "--http", url, "--out", "rewards.jsonl", cwd=place)
    *rewards, where = said.splitlines()
    assert rewards == ["[1.0, 0.0]", "[1.0, 0.0]"]
    assert Path(where).is_relative_to(place)
    lines = (place / "rewards.jsonl").read_text().splitlines()
    assert [json.loads(line)["reward"] for line in lines] == [1.0, 0.0]


def test_its_command_says_what_it_is_and_what_is_missing(clean: Path) -> None:
    command = clean.with_name("assay")
    assert output(command, "--version", cwd=clean.parent).startswith("assay-client ")
    done = subprocess.run([command, "serve"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "assay: serve needs uvloop, which is not installed here (pip install assay, on Linux)\n"


def test_it_says_of_itself_what_the_whole_says() -> None:
    whole, client = project("pyproject.toml"), project("scripts/client-wheel/pyproject.toml")
    assert client["dynamic"] == ["version"]
    for key in ("requires-python", "license", "keywords", "scripts", "entry-points"):
        assert client[key] == whole[key], key
    assert set(client["dependencies"]) <= {*whole["dependencies"], *whole["optional-dependencies"]["http"]}
