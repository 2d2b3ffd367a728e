"""Turns what programs did, and what answers say, into rewards.

`RewardClient` asks a daemon and imports anywhere; `CodeReward` and `MathReward` work in this process and need the
native module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewards.evidence import CodeEvidence, MathEvidence
from rewards.reward import NotJudged, Reward

if TYPE_CHECKING:
    from rewards.client import RewardClient, SyncRewardClient, WrongItem
    from rewards.code.reward import CodeReward
    from rewards.math.reward import MathReward

__all__ = [
    "CodeEvidence",
    "CodeReward",
    "MathEvidence",
    "MathReward",
    "NotJudged",
    "Reward",
    "RewardClient",
    "SyncRewardClient",
    "WrongItem",
]


# Imported at first use: a client must not pay for the engine.
def __getattr__(name: str) -> Any:
    if name == "CodeReward":
        from rewards.code.reward import CodeReward

        return CodeReward
    if name == "MathReward":
        from rewards.math.reward import MathReward

        return MathReward
    if name in ("RewardClient", "SyncRewardClient", "WrongItem"):
        from rewards import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
