"""A scorer of somebody's own is found, or it is said why not; an item is parsed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.errors import BadInput
from engine.program import Verdict
from engine.scorer import parsed_item, with_own
from rewards import CodeEvidence, MathEvidence, NotJudged, Reward
from rewards.evidence import Failure, TestFacts
from rewards.kinds import SCORERS, reward_of

OWN = """
class Length:
    kind = "length"
    def parse(self, item): return len(item["completion"])
    async def score(self, parsed, engine, *, client, deadline_seconds): return {"reward": 1.0 if parsed < 5 else 0.0}
length = Length()
again = type("Again", (Length,), {"kind": "code"})
lame = object()
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    name = f"own_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(OWN)
    (tmp_path / "broken_scorer.py").write_text("import no_such_module_here")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.mark.parametrize("name", ["Length", "length"])
def test_an_object_or_a_class_beside_ours(module: str, name: str) -> None:
    scorers = with_own(SCORERS, [f"{module}:{name}"])
    assert set(scorers) == {"code", "judge", "math", "length"}
    assert parsed_item(scorers, {"kind": "length", "completion": "four"}).work == 4


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("{}", "expected module:name"),
        ("{}:", "expected module:name"),
        ("{}:missing", "has no attribute 'missing'"),
        ("no_such_module:x", "No module named 'no_such_module'"),
        ("broken_scorer:x", "No module named 'no_such_module_here'"),
        ("{}:again", "there is a scorer of kind 'code' already"),
        ("{}:lame", "it lacks kind, parse, score"),
    ],
)
def test_what_is_no_scorer_is_told(module: str, place: str, message: str) -> None:
    with pytest.raises(BadInput, match="scorer") as caught:
        with_own(SCORERS, [place.format(module)])
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (7, "item"),
        ({}, "kind"),
        ({"kind": ["code"]}, "kind"),
        ({"kind": "math", "completion": "x"}, "reference"),
        ({"kind": "code", "completion": "x", "tests": []}, "tests"),
    ],
)
def test_a_wrong_item_names_the_field(item: object, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        parsed_item(SCORERS, item)
    assert caught.value.field == field


REWARDS: list[tuple[str, Reward | NotJudged, dict[str, Any]]] = [
    (
        "code",
        Reward(
            reward=0.0,
            verdict=Verdict.WRONG_ANSWER,
            parts={"tests": 0.5},
            evidence=CodeEvidence(
                tests=(TestFacts(verdict=Verdict.WRONG_ANSWER),), forgeable=True, failure=Failure(test=0, got="3")
            ),
            not_enforced=("cpu",),
        ),
        {"verdict": "WRONG_ANSWER", "forgeable": True, "failure": {"test": 0, "got": "3"}, "not_enforced": ["cpu"]},
    ),
    (
        "math",
        Reward(reward=1.0, verdict=Verdict.ACCEPTED, evidence=MathEvidence(answer="42")),
        {"reward": 1.0, "verdict": "ACCEPTED", "answer": "42"},
    ),
    ("length", Reward(reward=0.25, evidence={"length": 4}), {"reward": 0.25, "length": 4}),
    ("code", NotJudged("no slot"), {"reward": None, "not_judged": "no slot"}),
]


@pytest.mark.parametrize(("kind", "reward", "said"), REWARDS)
def test_a_reward_is_flat_on_the_wire_and_comes_back(
    kind: str, reward: Reward | NotJudged, said: dict[str, Any]
) -> None:
    wire = msgspec.json.decode(msgspec.json.encode({"id": 3, **reward.to_wire()}))
    assert wire.items() >= {**said, "id": 3}.items()
    assert reward_of(wire, kind) == reward
