"""`assay judge eval` at a server whose faults are known."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.client.loop_thread import LoopThread
from rewards.judge.evaluate import share
from rewards.judge.master_keys import MASTER_KEYS
from tests.support.scripted_judge import Asked, Says, Script, by_reference, right, scripted_judge, verdict

LINES: list[dict[str, Any]] = [
    {"question": "What falls?", "reference": "apple", "answer": "apple", "label": "correct", "type": "fruit"},
    {"question": "What falls?", "reference": "apple", "answer": "pear", "label": "incorrect", "type": "fruit"},
    {"question": "What falls?", "reference": "apple", "answer": "Granny Smith", "label": True, "type": "fruit"},
    {"reference": "42", "completion": "\\boxed{42}", "label": "correct", "type": "integer"},
    {"reference": "42", "completion": "no box", "label": False, "type": "integer"},
    {"reference": "See the figure on the wall.", "answer": "it", "label": "incorrect"},
]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@contextlib.contextmanager
def served(script: Script) -> Iterator[str]:
    loop = LoopThread("scripted-judge")
    server = scripted_judge(script)
    judge = loop.wait(server.__aenter__())
    try:
        yield judge.url
    finally:
        loop.wait(server.__aexit__(None, None, None))
        loop.stop()


def evaluated(tmp_path: Path, script: Script, *options: str, lines: Any = LINES) -> tuple[int, Any]:
    file, out = tmp_path / "labelled.jsonl", tmp_path / "out.json"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with served(script) as url:
        words = ["judge", "eval", str(file), "--judge", url, "--model", "m", "--json", str(out), *options]
        code = main(words)
    return code, json.loads(out.read_text()) if out.exists() else None


def test_a_judge_with_known_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    markdown = tmp_path / "out.md"
    code, found = evaluated(tmp_path, by_reference, "--rules", "--attacks", "2", "--markdown", str(markdown))
    assert code == 0
    # It misses the Granny Smith, and nothing else.
    assert (found["judge"]["accuracy"]["hits"], found["judge"]["accuracy"]["count"]) == (5, 6)
    assert found["judge"]["precision"]["share"] == 1.0
    assert found["judge"]["recall"]["hits"] == 2
    assert found["judge"]["not_judged"]["hits"] == 0
    assert found["by_type"]["fruit"]["accuracy"]["count"] == 3
    # One word is text, of which the rules know: they miss the Granny Smith too.
    assert found["rules"]["not_judged"]["hits"] == 1
    assert found["rules_then_judge"]["not_judged"]["hits"] == 0
    assert found["agreement"]["share"] == 1.0
    assert [attack["key"] for attack in found["attacks"]] == list(MASTER_KEYS)
    assert {attack["alone"]["hits"] for attack in found["attacks"]} == {0}
    cost = found["cost"]
    assert cost["requests"] == 5 + 2 * len(MASTER_KEYS) == cost["judgements"]
    assert cost["prompt_tokens"] == 10 * cost["requests"]
    assert cost["completion_tokens"] == 3 * cost["requests"]
    assert 0 < cost["p50_seconds"] <= cost["p99_seconds"]
    assert "Thought process:" in capsys.readouterr().out
    written = markdown.read_text()
    assert "| m | 6 | 83.3% (43.6% to 97.0%) |" in written
    assert "| the rules, then the judge | 6 |" in written


def test_a_judge_that_accepts_everything_is_saved_by_the_guards(tmp_path: Path) -> None:
    code, found = evaluated(tmp_path, right, "--attacks", "1")
    assert code == 0
    assert found["rules"] is found["agreement"] is None
    assert found["judge"]["recall"]["share"] == 1.0
    assert found["judge"]["precision"]["hits"] == 3
    assert {attack["alone"]["share"] for attack in found["attacks"]} == {1.0}
    assert {attack["guarded"]["share"] for attack in found["attacks"]} == {0.0}


def test_what_is_not_judged_is_counted_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def mute_on_pears(asked: Asked) -> Says:
        return Says("Hm.") if asked.answer == "pear" else Says(verdict("correct", asked.nonce))

    code, found = evaluated(tmp_path, mute_on_pears, "--attacks", "0")
    assert code == 3
    assert (found["judge"]["not_judged"]["hits"], found["judge"]["accuracy"]["count"]) == (1, 5)
    assert found["attacks"] == []
    assert "not judged 1 x: the judge said no verdict" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"reference": "4", "answer": "4"}, "label"),
        ({"reference": "4", "answer": "4", "label": "right"}, "label"),
        ({"reference": "4", "label": True}, "answer"),
        ({"reference": "4", "answer": "4", "label": True, "extra": 1}, "extra"),
        ([], "line"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: Any, field: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluated(tmp_path, right, lines=[*LINES, line])[0] == 2
    assert f"line {len(LINES) + 1}: {field}" in capsys.readouterr().err.replace("\n", "")


def test_wilsons_interval() -> None:
    assert share(0, 0).share is None
    few = share(0, 10)
    assert few.low == 0.0
    assert few.high == pytest.approx(0.2775, abs=1e-4)
    many = share(81, 263)
    assert (many.low, many.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
