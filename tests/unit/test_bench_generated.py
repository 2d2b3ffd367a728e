"""The generated set of the benches: the same every time, and labelled rightly, by what plain Python makes of it."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections import Counter

import pytest

from rewards.bench.generated import FORMS, SLOW_SECONDS, bench_item, generated
from rewards.bench.items import BenchItem
from rewards.bench.peers import forked
from rewards.bench.problems import PROBLEMS
from rewards.bench.step import MIXTURE, step_items
from rewards.code.item import code_item

PYTHON = [form for form in FORMS if form != "cpp-stdin"]


def first_failure(item: BenchItem, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """The first test that the program fails when it is run here; it is ours."""
    for index, (stdin, expected) in enumerate(item.streams):
        said = io.StringIO()
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with contextlib.redirect_stdout(said):
            exec(item.alone, {"__name__": "__main__"})
        if said.getvalue() != expected and json.loads(said.getvalue()) != json.loads(expected):
            return index
    return None


@pytest.mark.parametrize("form", FORMS)
def test_a_seed_makes_the_same_items_and_each_is_one(form: str) -> None:
    chosen = next(known for known in FORMS if known == form)
    items = generated(chosen, 50, seed=3)
    assert items == generated(chosen, 50, seed=3) != generated(chosen, 50, seed=4)
    assert Counter(item.kind for item in items) == {"right": 50, "wrong": 50, "slow": 50}
    assert {len(item.streams) for item in items} == set(range(1, 51))
    assert len({item.alone for item in items}) == len(items)
    for item in items:
        assert len(code_item(item.item).tests) == len(item.streams)
        assert 1 <= item.needed <= len(item.streams)


@pytest.mark.parametrize("form", PYTHON)
def test_labels_are_what_the_programs_do(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = next(known for known in FORMS if known == form)
    for item in generated(chosen, 2 * len(PROBLEMS), seed=5):
        if item.kind == "slow":
            continue
        failure = first_failure(item, monkeypatch)
        assert (failure is None) == item.accepted == (item.kind == "right"), item.item["id"]
        assert item.needed == (len(item.streams) if failure is None else failure + 1), item.item["id"]


def test_a_slow_program_is_right_and_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    slow = next(item for item in generated("python-stdin", 1, seed=0) if item.kind == "slow")
    began = time.process_time()
    assert first_failure(slow, monkeypatch) is None
    assert time.process_time() - began >= SLOW_SECONDS * len(slow.streams)


def test_wrong_programs_fail_early_and_late() -> None:
    wrong = [item for item in generated("python-calls", 60, seed=1) if item.kind == "wrong"]
    failed_at_once = sum(item.needed == 1 for item in wrong)
    failed_last = sum(item.needed == len(item.streams) > 1 for item in wrong)
    assert failed_at_once >= 10
    assert failed_last >= 3


def test_the_step_is_mixed_as_it_says() -> None:
    items = step_items(25, 8, 10, seed=0)
    assert Counter(item.kind for item in items) == {kind: 2 * share for kind, share in MIXTURE.items()}
    assert {len(item.streams) for item in items} == {10}
    assert {"call" in item.item["tests"][0] for item in items} == {True, False}
    # No wave of one kind.
    assert len({item.kind for item in items[:20]}) == len(MIXTURE)


def test_what_does_not_parse_does_not() -> None:
    broken = bench_item(PROBLEMS[0], "does not parse", "python-calls", [], "0")
    with pytest.raises(SyntaxError):
        compile(broken.alone, "program", "exec")


def test_the_unisolated_peer_judges(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    questions = [
        {"source": "print(input())", "streams": [["a", "a\n"]], "seconds": 5},
        {"source": "print(input())", "streams": [["a", "a\n"], ["a", "b"]], "seconds": 5},
        {"source": "print('a'); raise ValueError", "streams": [["", "a"]], "seconds": 5},
        {"source": "while True: pass", "streams": [["", ""]], "seconds": 0.1},
    ]
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(json.dumps(each) + "\n" for each in questions)))
    forked.main()
    answers = [json.loads(line)["accepted"] for line in capsys.readouterr().out.splitlines()]
    assert answers == [True, False, False, False]
