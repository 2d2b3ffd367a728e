"""Turns what programs did, and what answers say, into rewards.

`RewardClient` asks a daemon, `JudgeReward` a judge model; both import anywhere. `CodeReward` and `MathReward` work in
this process and need the native module.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from rewards.evidence import CodeEvidence, JudgeEvidence, MathEvidence
from rewards.reward import NotJudged, Reward

if TYPE_CHECKING:
    from rewards.client import RewardClient, SyncRewardClient, WrongItem
    from rewards.cluster import Cluster
    from rewards.code.reward import CodeReward
    from rewards.judge.config import JudgeConfig
    from rewards.judge.reward import JudgeReward
    from rewards.judge.scalar import ScalarJudge
    from rewards.math.reward import MathReward

__all__ = [
    "Cluster",
    "CodeEvidence",
    "CodeReward",
    "JudgeConfig",
    "JudgeEvidence",
    "JudgeReward",
    "MathEvidence",
    "MathReward",
    "NotJudged",
    "Reward",
    "RewardClient",
    "ScalarJudge",
    "SyncRewardClient",
    "WrongItem",
]


# Imported at first use: a client must not pay for the engine.
_LATE: Final = {
    "Cluster": "rewards.cluster",
    "CodeReward": "rewards.code.reward",
    "JudgeConfig": "rewards.judge.config",
    "JudgeReward": "rewards.judge.reward",
    "MathReward": "rewards.math.reward",
    "RewardClient": "rewards.client",
    "ScalarJudge": "rewards.judge.scalar",
    "SyncRewardClient": "rewards.client",
    "WrongItem": "rewards.client",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
