"""README.md and docs/ say what is so: pages from the code are fresh, links lead somewhere, examples work."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from engine import BadInput, Outcome, Program
from engine.config.settings import load_settings
from rewards.kinds import ITEMS
from rewards.reward import NotJudged, from_wire
from rewards.settings import rewards_config
from trainer.config import TrainerConfig

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
PAGES: Final = [README, ROOT / "benches/README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED: Final = re.compile(r"^ {4}(.*)$", re.MULTILINE)
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_PATH: Final = re.compile(r"(?:assay|benches|docs|engine|examples|native|rewards|scripts|tests|trainer)/[\w./-]*")
_ROOT_FILE: Final = re.compile(r"[\w.-]+\.(?:md|toml|yml)|Makefile")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, language: str) -> list[str]:
    """The page's fenced blocks of that language."""
    return [code for tag, code in _FENCED.findall(page.read_text()) if tag == language]


def commands(page: Path) -> Iterator[str]:
    """What the page shows as typed: lines of code that are in no language, and code within a line."""
    text = page.read_text()
    plain = [line for tag, code in _FENCED.findall(text) if not tag for line in code.splitlines()]
    without_fences = _FENCED.sub("", text)
    for line in (*plain, *_INDENTED.findall(without_fences), *_SPAN.findall(without_fences)):
        yield line.removeprefix("$ ").strip()


def example(page: str, name: str) -> dict[str, Any]:
    """The names that a marked example of a page leaves behind."""
    found = _FENCED.search((ROOT / page).read_text().partition(f"<!-- example: {name} -->")[2])
    assert found is not None
    names: dict[str, Any] = {}
    exec(compile(found[2], page, "exec"), names)
    return names


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 150


def test_the_reference_is_what_the_code_says(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts/docs-reference", tmp_path], check=True)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text() for path in (ROOT / "docs/reference").iterdir()}
    if sys.version_info >= (3, 13):  # argparse words its help otherwise
        del written["cli.md"], committed["cli.md"]
    assert written == committed, "run scripts/docs-reference"


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    places = [link.partition("#")[0] for link in _LINK.findall(page.read_text()) if "://" not in link]
    assert [place for place in places if not (page.parent / place).exists()] == []


@each_page
def test_the_files_it_names_exist(page: Path) -> None:
    words = [word.strip(",") for span in _SPAN.findall(_FENCED.sub("", page.read_text())) for word in span.split()]
    named = [word for word in words if _PATH.fullmatch(word) or _ROOT_FILE.fullmatch(word)]
    assert [word for word in named if not (ROOT / word).exists() and not (page.parent / word).exists()] == []


@each_page
def test_the_make_targets_it_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {found[1] for line in commands(page) if (found := re.match(r"make ([a-z0-9-]+)", line))}
    assert named - targets == set()


@each_page
def test_the_commands_it_shows_have_these_options(page: Path) -> None:
    reference = (ROOT / "docs/reference/cli.md").read_text()
    options: dict[str, set[str]] = {
        name: set(re.findall(r"--[a-z-]+", text))
        for name, text in re.findall(r"^\$ (assay.*?) --help$(.*?)^```$", reference, re.MULTILINE | re.DOTALL)
    }
    for line in commands(page):
        typed = line.partition(" # ")[0].split(" | ")[-1]
        if typed.startswith("assay "):
            name = max((known for known in options if f"{typed} ".startswith(f"{known} ")), key=len)
            assert set(re.findall(r"--[a-z-]+", typed)) <= options[name], line


def values(text: str) -> Iterator[Any]:
    """The JSON values that stand one after the other in `text`."""
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        yield value


@each_page
def test_its_json_is_what_is_sent_and_answered(page: Path) -> None:
    for value in (value for block in blocks(page, "json") for value in values(block)):
        if "kind" in value:
            ITEMS[value["kind"]](value)
        elif "reward" in value:
            assert isinstance(from_wire(value), NotJudged) == ("not_judged" in value)


@each_page
def test_its_configuration_is_read(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "toml"):
        (tmp_path / "assay.toml").write_text(block)
        of_a_run = page.name == "training.md"
        if of_a_run:
            TrainerConfig.load(tmp_path / "assay.toml")
        else:
            rewards_config(load_settings(tmp_path / "assay.toml"))


@each_page
def test_its_python_compiles_and_imports_what_there_is(page: Path) -> None:
    for block in blocks(page, "python"):
        tree = compile(block, str(page), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        compile(block, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                module = importlib.import_module(node.module)
                assert [each.name for each in node.names if not hasattr(module, each.name)] == []


def test_the_maths_example() -> None:
    assert example("docs/python.md", "math")["reward"].verdict == "ACCEPTED"


def test_the_example_of_a_repeat() -> None:
    assert example("docs/python.md", "repeats")["kept"] == [7, 8, 9]


def test_the_example_of_what_is_run() -> None:
    assert example("docs/why-zero.md", "extract")["found"].found == "fenced"


async def test_the_scorer_of_ones_own() -> None:
    class Engine:
        async def run(self, program: Program, **options: object) -> Outcome:
            return Outcome(exit_code=0, stdout=program.source.encode())

    scorer = example("docs/daemon.md", "scorer")["silent"]
    assert scorer.kind == "silent"
    with pytest.raises(BadInput, match="completion None"):
        scorer.parse({"kind": "silent"})
    for said, reward in (("", 1.0), ("loud", 0.0)):
        parsed = scorer.parse({"kind": "silent", "completion": said})
        answer = await scorer.score(parsed, Engine(), client="", deadline_seconds=None)
        assert answer == {"reward": reward, "verdict": "ACCEPTED"}
