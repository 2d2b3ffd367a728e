from __future__ import annotations

from rewards import CodeEvidence, MathEvidence, NotJudged, Reward
from rewards.evidence import Failure


def code_evidence(reward: Reward | NotJudged) -> CodeEvidence:
    assert isinstance(reward, Reward)
    assert isinstance(reward.evidence, CodeEvidence)
    return reward.evidence


def math_evidence(reward: Reward | NotJudged) -> MathEvidence:
    assert isinstance(reward, Reward)
    assert isinstance(reward.evidence, MathEvidence)
    return reward.evidence


def failure_of(reward: Reward | NotJudged) -> Failure:
    failure = code_evidence(reward).failure
    assert failure is not None
    return failure
