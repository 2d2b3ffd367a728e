"""The table of answers, references and verdicts that says what counts: tests/rewards/math-golden.jsonl."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rewards import NotJudged
from rewards.math.item import math_item
from rewards.math.reward import grade
from tests.support.evidence import math_evidence

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "math-golden.jsonl").read_text(encoding="utf-8").splitlines()
]


def judged(row: dict[str, Any]) -> tuple[str, str | None]:
    """The verdict in the table's words, and how or why."""
    completion = row["completion"] if "completion" in row else f"\\boxed{{{row['answer']}}}"
    item = math_item({"completion": completion, "reference": row["reference"], **row.get("options", {})})
    reward = grade(item)
    if isinstance(reward, NotJudged):
        return "undecided", reward.reason
    evidence = math_evidence(reward)
    return ("correct", evidence.how) if reward.reward == 1.0 else ("incorrect", evidence.reason)


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_row_of_the_table(row: dict[str, Any]) -> None:
    verdict, why = judged(row)
    assert verdict == row["expected"], f"{row['reference']!r} {row.get('answer', '')[:80]!r} ({row['why']}): {why}"
    assert why


def test_only_an_identity_at_points_is_no_proof() -> None:
    proofs = {"literal", "exact", "normal form", "root bound", "separated", "mod p", "text"}
    ways = Counter(why for row in ROWS if row["expected"] == "correct" for _, why in [judged(row)])
    assert set(ways) - proofs == {"identity at 24 points"}
    assert ways["identity at 24 points"] < 0.05 * ways.total()
