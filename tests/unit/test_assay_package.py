from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import assay
import engine
import rewards
import trainer
from engine.cli.commands import Command
from engine.cli.main import main

ROOT = Path(__file__).parents[2]


def test_it_hands_on_every_public_name() -> None:
    packages = (engine, rewards, trainer)
    assert sorted(assay.__all__) == sorted(name for package in packages for name in package.__all__)
    for package in packages:
        # Those take torch to be there; tests/trainer asks for them.
        names = set(package.__all__) - set(trainer.LATE)
        assert all(getattr(assay, name) is getattr(package, name) for name in names)
    with pytest.raises(AttributeError, match="nothing"):
        _ = assay.nothing


@pytest.mark.parametrize("form", ["rewards.py", "rewards/__init__.py"])
def test_a_module_that_hides_ours_is_named(tmp_path: Path, form: str) -> None:
    (tmp_path / form).parent.mkdir(exist_ok=True)
    (tmp_path / form).write_text("def reward(completions): return [0.0]\n")
    path = [str(tmp_path), str(ROOT)]
    code = f"import sys; sys.path[:0] = {path}; from assay import Program; from assay import RewardClient"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert "ImportError: 'rewards' is " in done.stderr
    assert str(tmp_path / form) in done.stderr
    assert "rename it" in done.stderr


@pytest.mark.parametrize("words", [["--version"], ["--help"]])
def test_version_and_help_import_no_server_and_no_engine(words: list[str]) -> None:
    code = (
        f"import sys\nfrom engine.cli.main import main\ntry: main({words})\nexcept SystemExit: pass\n"
        "heavy = {'engine.engine', 'engine.server', 'engine.pool', 'uvloop', 'httptools', 'rich', 'engine._native'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_a_command_whose_parts_are_not_installed_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.cli.main._commands", lambda: iter([Command("train", "", "no_such_package.cli")]))
    assert main(["train"]) == 1
    assert capsys.readouterr().err == (
        "assay: train needs no_such_package, which is not installed here (pip install assay, on Linux)\n"
    )


def test_two_distributions_of_the_same_packages_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.cli.main.version", lambda name: "0.1.0")
    assert main(["--version"]) == 1
    assert capsys.readouterr().err == (
        "assay: assay 0.1.0 and assay-client 0.1.0 hold the same packages: uninstall both, then install one of them\n"
    )
