"""Assay's public names in one place: `from assay import Engine, RewardClient`.

The packages behind it are called engine, rewards and trainer. Where a module of your own of such a name comes first on
sys.path, it would be taken for ours; here that is an ImportError that says so.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine import (
        AssayError,
        AssertsTest,
        BadInput,
        CallTest,
        CannotStart,
        Client,
        Dialogue,
        DialogueTest,
        Engine,
        EngineConfig,
        Limits,
        Notebook,
        NotebookCell,
        NotebookRun,
        Outcome,
        Overloaded,
        Program,
        Repeat,
        RepeatDetector,
        RepeatRules,
        SandboxError,
        StdinTest,
        SyncClient,
        Test,
        TestRun,
        Verdict,
        repeats_in_text,
    )
    from rewards import (
        Cluster,
        CodeEvidence,
        CodeReward,
        JudgeConfig,
        JudgeEvidence,
        JudgeReward,
        MathEvidence,
        MathReward,
        NotJudged,
        Reward,
        RewardClient,
        ScalarJudge,
        SyncRewardClient,
        WrongItem,
    )
    from trainer import (
        Group,
        Iteration,
        Prompt,
        RewardsUnavailable,
        Rollout,
        RolloutsFailed,
        StaleWeights,
        Trainer,
        TrainerConfig,
        TrainerError,
    )

__all__ = [
    "AssayError",
    "AssertsTest",
    "BadInput",
    "CallTest",
    "CannotStart",
    "Client",
    "Cluster",
    "CodeEvidence",
    "CodeReward",
    "Dialogue",
    "DialogueTest",
    "Engine",
    "EngineConfig",
    "Group",
    "Iteration",
    "JudgeConfig",
    "JudgeEvidence",
    "JudgeReward",
    "Limits",
    "MathEvidence",
    "MathReward",
    "NotJudged",
    "Notebook",
    "NotebookCell",
    "NotebookRun",
    "Outcome",
    "Overloaded",
    "Program",
    "Prompt",
    "Repeat",
    "RepeatDetector",
    "RepeatRules",
    "Reward",
    "RewardClient",
    "RewardsUnavailable",
    "Rollout",
    "RolloutsFailed",
    "SandboxError",
    "ScalarJudge",
    "StaleWeights",
    "StdinTest",
    "SyncClient",
    "SyncRewardClient",
    "Test",
    "TestRun",
    "Trainer",
    "TrainerConfig",
    "TrainerError",
    "Verdict",
    "WrongItem",
    "repeats_in_text",
]

_PACKAGES = ("engine", "rewards", "trainer")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for package in map(_ours, _PACKAGES):
        if name in package.__all__:
            return getattr(package, name)
    raise AttributeError(name)


def __dir__() -> list[str]:
    return __all__


def _ours(name: str) -> Any:
    """Our package of that name; raises ImportError if it is somebody else's."""
    package = importlib.import_module(name)
    here = Path(__file__).resolve().parent.parent
    found = Path(package.__file__ or "").resolve()
    if found.parent.parent != here:
        raise ImportError(
            f"{name!r} is {found}, not Assay's {here / name}: it comes first on sys.path and hides ours; "
            f"rename it, or run from another directory",
            name=name,
            path=str(found),
        )
    return package
