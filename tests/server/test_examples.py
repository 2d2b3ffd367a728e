"""Every example runs as it is written, against a real daemon where it asks one."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from engine import BadInput, Client, Engine

if TYPE_CHECKING:
    from tests.server.conftest import Daemon, StartDaemon

pytestmark = [pytest.mark.server, pytest.mark.kernel]
ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "examples"
# Two of five lines are right.
ITEM: Final = {"kind": "lines", "source": "print(1)\nprint(2)\nprint(4)", "expected": ["1", "2", "3", "4", "5"]}
VERL: Final = (EXAMPLES / "verl/README.md").read_text()
VERLS_ADDRESS: Final = "http://127.0.0.1:8080"


def example(name: str, *arguments: object) -> list[str]:
    """The lines that it prints."""
    command = [sys.executable, *map(str, (EXAMPLES / name, *arguments))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def own_scorer() -> Any:
    spec = importlib.util.spec_from_file_location("own_scorer", EXAMPLES / "own_scorer.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module.lines


def test_each_is_in_the_list() -> None:
    listed = set(re.findall(r"\]\((.+?)\)", (EXAMPLES / "README.md").read_text()))
    files = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*") if path.is_file()}
    assert listed == {name for name in files if "__pycache__" not in name} - {"README.md"}


def test_one_program_in_process() -> None:
    verdict, facts = example("run_one.py")
    assert verdict == "ACCEPTED 0 b'olleh\\n'"
    assert "s of CPU time" in facts


def test_a_file_is_scored(daemon: Daemon) -> None:
    assert daemon.http is not None
    for address in (daemon.address, daemon.http):
        assert example("score_file.py", EXAMPLES / "items.jsonl", address) == [
            "sum 1.0 ACCEPTED",
            "power 0.0 WRONG_ANSWER",
            "half 1.0 ACCEPTED",
        ]


def test_a_plain_socket(daemon: Daemon) -> None:
    assert sorted(example("plain_socket.py", daemon.path)) == ["1 b'olleh\\n'", "2 1.0"]


async def test_a_scorer_of_ones_own() -> None:
    scorer = own_scorer()
    async with Engine(slots=1) as engine:
        for item, reward, verdict in (
            (ITEM, 0.4, "WRONG_ANSWER"),
            ({**ITEM, "source": "for line in range(1, 6): print(line)"}, 1.0, "ACCEPTED"),
            ({**ITEM, "source": "print(1); 1 / 0"}, 0.0, "RUNTIME_ERROR"),
        ):
            answer = await scorer.score(scorer.parse(item), engine, client="", deadline_seconds=10)
            assert answer == {"reward": reward, "verdict": verdict}
    for field, value in (("source", 5), ("expected", "1"), ("expected", []), ("expected", [1])):
        with pytest.raises(BadInput) as caught:
            scorer.parse({**ITEM, field: value})
        assert caught.value.field == field


async def test_a_scorer_of_ones_own_at_a_daemon(start_daemon: StartDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    daemon = start_daemon("--scorer", "own_scorer:lines")
    async with Client(daemon.address) as client:
        assert (await client.score(ITEM))["reward"] == 0.4
        with pytest.raises(BadInput, match="expected a list of lines"):
            await client.score({**ITEM, "expected": []})
    assert daemon.stop() == 0


def test_verl_asks_by_url(daemon: Daemon) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    found = re.search(r"^    (curl .+?)\n\n", VERL, re.DOTALL | re.MULTILINE)
    assert found is not None
    assert daemon.http is not None
    command = found[1].replace(VERLS_ADDRESS, daemon.http)
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True).stdout
    for part in re.findall(r'`("status.+?|"stdout.+?)`', VERL):
        assert part in said
