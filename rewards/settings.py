"""The table `[rewards]` of the configuration file, and the scorers that it makes."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator

from engine.config.settings import Settings
from engine.config.toml import from_table
from engine.scorer import Scorers
from rewards.judge.config import JudgeConfig
from rewards.judge.reward import JudgeReward
from rewards.kinds import scorers


@dataclasses.dataclass(frozen=True, kw_only=True)
class RewardsConfig:
    """The table `[rewards]` of the configuration file.

    judge  The model that is asked for items of kind "judge", and for maths items that say so.
    """

    judge: JudgeConfig = dataclasses.field(default_factory=JudgeConfig)


def rewards_config(settings: Settings) -> RewardsConfig:
    """What the settings say of rewards; raises BadInput naming the key."""
    return from_table(dict(settings.rewards), RewardsConfig, "rewards")


def judge_of(settings: Settings) -> JudgeReward | None:
    """The judge that is configured, if one is; raises BadInput, CannotStart without httpx."""
    config = rewards_config(settings).judge
    return None if config.base_url is None else JudgeReward(config.base_url, config.model, config)


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Scorers]:
    """The scorers of a daemon with these settings; what they hold is closed in the end."""
    judge = judge_of(settings)
    # A line for each request, where only those that failed are wanted.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    async with judge or contextlib.nullcontext():
        yield scorers(judge)
