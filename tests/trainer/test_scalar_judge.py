"""A tiny classifier as a judge: thresholds, raw scores, guards, what it refuses."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from engine import BadInput
from rewards import JudgeEvidence, MathEvidence, MathReward, NotJudged, Reward, ScalarJudge
from rewards.judge.opinion import Case, NoOpinion
from rewards.judge.scalar import text_of

ITEM: dict[str, Any] = {"kind": "judge", "question": "What falls?", "reference": "an apple", "answer": "a pear"}
CASE = Case("What falls?", "an apple", "a pear")


def classifier(directory: Path, model: Path, labels: int) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = AutoModelForSequenceClassification.from_pretrained(model, num_labels=labels)
    made.save_pretrained(directory)
    AutoTokenizer.from_pretrained(model).save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def path(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classifier(tmp_path_factory.mktemp("classifier"), tiny_model, 1)


def logit_of(path: Path, case: Case) -> float:
    tokens = AutoTokenizer.from_pretrained(path)(text_of(case), return_tensors="pt")
    logits = AutoModelForSequenceClassification.from_pretrained(path).eval()(**tokens).logits[0].detach()
    return float(logits[-1] - logits[0] if len(logits) == 2 else logits[0])


async def test_a_threshold_decides(path: Path) -> None:
    logit = logit_of(path, CASE)
    for threshold, value in ((logit - 0.1, 1.0), (logit + 0.1, 0.0)):
        reward = await ScalarJudge(path, threshold=threshold).score(ITEM)
        assert isinstance(reward, Reward)
        assert reward.reward == value
        assert reward.verdict == ("ACCEPTED" if value else "WRONG_ANSWER")
        assert isinstance(reward.evidence, JudgeEvidence)
        assert reward.evidence.judge is not None
        assert reward.evidence.judge.logit == pytest.approx(logit, abs=1e-5)


async def test_a_raw_score_is_between_0_and_1(path: Path) -> None:
    reward = await ScalarJudge(path, threshold=None).score(ITEM)
    assert isinstance(reward, Reward)
    assert reward.reward == pytest.approx(1 / (1 + math.exp(-logit_of(path, CASE))), abs=1e-5)


async def test_guards_come_first_and_what_is_too_long_is_not_judged(path: Path) -> None:
    judge = ScalarJudge(path, threshold=-1e9, max_tokens=150)
    assert isinstance(accepted := await judge.score(ITEM), Reward)
    assert accepted.reward == 1.0
    for answer in (":", "Thought process:"):
        refused = await judge.score({**ITEM, "answer": answer})
        assert isinstance(refused, Reward)
        assert refused.reward == 0.0
    assert isinstance(await judge.score({**ITEM, "question": "long " * 40}), NotJudged)


async def test_of_two_labels_the_difference_counts(tiny_model: Path, tmp_path: Path) -> None:
    path = classifier(tmp_path / "two", tiny_model, 2)
    assert ScalarJudge(path).logit(CASE) == pytest.approx(logit_of(path, CASE), abs=1e-5)
    with pytest.raises(BadInput, match="expected one label or two"):
        ScalarJudge(classifier(tmp_path / "three", tiny_model, 3))


async def test_it_decides_what_rules_leave_open(path: Path) -> None:
    item = {"kind": "math", "reference": "See the figure.", "completion": "\\boxed{so it is}", "judge": True}
    reward = await MathReward(ScalarJudge(path, threshold=-1e9)).score(item)
    assert isinstance(reward, Reward)
    assert isinstance(reward.evidence, MathEvidence)
    assert (reward.reward, reward.evidence.how) == (1.0, "judge")


def test_a_logit_that_is_no_number_is_not_judged(path: Path) -> None:
    judge = ScalarJudge(path)
    judge._model.score.weight.data.fill_(float("nan"))
    assert isinstance(judge.logit(CASE), NoOpinion)
