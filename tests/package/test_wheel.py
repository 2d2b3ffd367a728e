from __future__ import annotations

import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.thorough
@pytest.mark.timeout(600)  # another checkout may be building in the shared directory
def test_the_wheel_gives_the_command_and_the_packages_outside_the_tree() -> None:
    said = output("scripts/check-wheel")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"assay {version}\n" in said
    for package in ("assay", "engine", "engine._native", "rewards", "trainer"):
        assert f"\n{package} venv/" in said


def test_the_sdist_holds_what_the_native_module_is_built_from(tmp_path: Path) -> None:
    output("scripts/with-cache", "maturin", "sdist", "--out", str(tmp_path))
    with tarfile.open(next(tmp_path.glob("assay-*.tar.gz"))) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    for name in (
        "Cargo.lock",
        "LICENSE",
        "native/build.rs",
        "native/hold/src/lib.rs",
        "native/sandbox/Cargo.toml",
        "native/sandbox/src/main.rs",
        "native/shared/src/wire.rs",
        "engine/_native.pyi",
        "engine/harness/drivers/call.py",
        "engine/py.typed",
    ):
        assert name in held
