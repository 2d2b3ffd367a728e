"""slime: `--custom-rm-path rewards.adapters.slime.custom_rm`, or a daemon's `/slime` as `--rm-url`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rewards.adapters.samples import ask, item_of, item_of_label, items_of, number, verdict
from rewards.reward import NotJudged, Reward


async def custom_rm(args: Any, sample: Any, **kwargs: Any) -> Any:
    """The sample's reward, 0 to 1, or a list of them for a list of samples (`--group-rm`).

    A sample's `label` is what `item_of_label` takes; where it has none, its `metadata` are its columns. With
    `--reward-key` a reward is a map of that key and the `verdict`. One that was not judged is NaN, which the group's
    filter has to drop: `--dynamic-sampling-filter-path rewards.adapters.slime.judged`, or slime's own
    `check_reward_nonzero_std`. Without a filter, or with one that may keep such a group, SandboxError is raised. Raises
    BadInput for a wrong sample.
    """
    if not isinstance(sample, Sequence):
        item = _item(sample)
        return _reward(args, await ask(lambda client: client.score(item)))
    items = items_of(sample, _item)
    return [_reward(args, reward) for reward in await ask(lambda client: client.score_many(items))]


def judged(args: Any, samples: Sequence[Any], **kwargs: Any) -> bool:
    """Whether a group is kept: all of its samples were judged."""
    return not any(math.isnan(sample.get_reward_value(args)) for sample in samples)


def _item(sample: Any) -> dict[str, Any]:
    if sample.label is None:
        return item_of(sample.metadata or {}, sample.response)
    return item_of_label(sample.label, sample.response)


def _reward(args: Any, reward: Reward | NotJudged) -> float | dict[str, Any]:
    value = math.nan if isinstance(reward, NotJudged) and _drops_nan(args) else number(reward)
    key = getattr(args, "reward_key", None)
    return {key: value, "verdict": verdict(reward)} if key else value


def _drops_nan(args: Any) -> bool:
    # One of slime's filters keeps what it rejects where too few groups are left; the fully asynchronous rollout asks no
    # filter, and drops a group at an error.
    chosen = getattr(args, "dynamic_sampling_filter_path", None) or ""
    rollout = getattr(args, "rollout_function_path", None) or ""
    return chosen != "" and not chosen.endswith("_with_fallback") and "fully_async" not in rollout
