"""AReaL: `reward_fn="rewards.adapters.areal.reward_fn"` of a workflow."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from engine.errors import SandboxError
from rewards.adapters.samples import ask_blocking, item_of, number
from rewards.client import RewardClient
from rewards.reward import NotJudged, Reward

# AReaL waits 15 s, counts a 0 for what took longer, and leaves its worker busy with that.
_PATIENCE_SECONDS: Final = 12.0


def reward_fn(
    prompt: str,
    completions: str,
    prompt_ids: list[int],
    completion_ids: list[int],
    *,
    patience_seconds: float = _PATIENCE_SECONDS,
    **data: Any,
) -> float:
    """The completion's reward, 0 to 1; `data` are the sample's columns, as `item_of` takes them.

    patience_seconds  less than AReaL's own `timeout_seconds`, by which AReaL would count a 0

    Not a coroutine: AReaL calls it in a process of its own. Raises BadInput for a wrong sample, and SandboxError where
    there is no reward in time: AReaL asks again three times, and then rejects the rollout.
    """
    item = item_of(data, completions, prompt)
    return number(ask_blocking(lambda client: _in_time(client, item, patience_seconds)))


async def _in_time(client: RewardClient, item: dict[str, Any], seconds: float) -> Reward | NotJudged:
    try:
        async with asyncio.timeout(seconds):
            return await client.score(item)
    except TimeoutError:
        raise SandboxError(f"no reward within {seconds:g} s, and AReaL does not wait much longer") from None
