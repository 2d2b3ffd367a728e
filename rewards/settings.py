"""The table `[rewards]` of the configuration file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from engine.config.settings import Settings
from engine.config.toml import from_table
from rewards.judge.config import JudgeConfig
from rewards.judge.reward import JudgeReward
from rewards.sandbox_fusion.data_sets import DataSetConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class RewardsConfig:
    """The table `[rewards]` of the configuration file.

    judge      The model that is asked for items of kind "judge", and for maths items that say so.
    data_sets  By name, the data sets of SandboxFusion's `/submit`, `/get_prompts` and the like.
    """

    judge: JudgeConfig = dataclasses.field(default_factory=JudgeConfig)
    data_sets: Mapping[str, DataSetConfig] = dataclasses.field(default_factory=dict)


def rewards_config(settings: Settings) -> RewardsConfig:
    """What the settings say of rewards; raises BadInput naming the key."""
    return from_table(dict(settings.rewards), RewardsConfig, "rewards")


def judge_of(settings: Settings) -> JudgeReward | None:
    """The judge that is configured, if one is; raises BadInput, CannotStart without httpx."""
    config = rewards_config(settings).judge
    return None if config.base_url is None else JudgeReward(config.base_url, config.model, config)
