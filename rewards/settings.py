"""The table `[rewards]` of the configuration file, and the scorers that it makes."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator, Mapping

from engine.config.settings import Settings
from engine.config.toml import from_table
from engine.server.routes import Served
from rewards.judge.config import JudgeConfig
from rewards.judge.reward import JudgeReward
from rewards.kinds import scorers
from rewards.sandbox_fusion.data_sets import DataSetConfig, opened
from rewards.sandbox_fusion.routes import routes_of


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


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Served]:
    """The scorers and routes of a daemon with these settings; what they hold is closed in the end."""
    judge = judge_of(settings)
    # A line for each request, where only those that failed are wanted.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with opened(rewards_config(settings).data_sets) as data_sets:
        async with judge or contextlib.nullcontext():
            yield Served(scorers(judge), routes_of(data_sets))
