"""Mirror descent on rewards, as Kimi k1.5 describes it: prompts, rollouts, advantage, loss, policy, weight sync.

Nothing here imports torch, transformers or vLLM until it is used.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any, Final

from trainer.config import TrainerConfig
from trainer.errors import RewardsUnavailable, RolloutsFailed, StaleWeights, TrainerError
from trainer.types import Group, Iteration, Prompt, Rollout

if TYPE_CHECKING:
    from trainer.loop import Trainer

__all__ = [
    "Group",
    "Iteration",
    "Prompt",
    "RewardsUnavailable",
    "Rollout",
    "RolloutsFailed",
    "StaleWeights",
    "Trainer",
    "TrainerConfig",
    "TrainerError",
]

# Where the names are that take torch.
LATE: Final = {"Trainer": "trainer.loop"}


def __getattr__(name: str) -> Any:
    if name not in LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(f"trainer needs {package}: pip install 'assay[trainer]'", name=package)
    return getattr(importlib.import_module(LATE[name]), name)
