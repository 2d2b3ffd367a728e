"""AReaL: `workflow="rewards.adapters.areal.AssayWorkflow"`, or a `reward_fn` for AReaL's pool of processes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from engine.errors import SandboxError
from rewards.adapters.samples import ask, ask_blocking, item_of, number
from rewards.client import RewardClient
from rewards.reward import NotJudged, Reward

if TYPE_CHECKING:
    AssayWorkflow: type[Any]

# AReaL waits 15 s, counts a 0 for what took longer, and leaves its worker busy with that.
_PATIENCE_SECONDS: Final = 12.0


def __getattr__(name: str) -> Any:
    # AReaL wants a class below its own, and this module is imported without it.
    if name != "AssayWorkflow":
        raise AttributeError(name)
    globals()[name] = found = _made()
    return found


def _made() -> type[Any]:
    from areal.workflow.rlvr import RLVRWorkflow

    class AssayWorkflow(RLVRWorkflow):  # type: ignore[misc]
        """AReaL's RLVRWorkflow with `async_reward_fn`: all its options but `reward_fn`."""

        def __init__(self, **options: Any) -> None:
            super().__init__(reward_fn=async_reward_fn, **options)
            # In place of a pool of processes, which has 15 s for a reward and the wait for a process.
            self.async_reward_fn = async_reward_fn

    AssayWorkflow.__module__, AssayWorkflow.__qualname__ = __name__, "AssayWorkflow"
    return AssayWorkflow


async def async_reward_fn(
    prompt: str, completions: str, prompt_ids: list[int], completion_ids: list[int], **data: Any
) -> float:
    """The completion's reward, 0 to 1; `data` are the sample's columns, as `item_of` takes them.

    What a workflow awaits as its `async_reward_fn`. Raises BadInput for a wrong sample, and SandboxError where there is
    no reward: AReaL rejects the rollout.
    """
    item = item_of(data, completions, prompt)
    return number(await ask(lambda client: client.score(item)))


def reward_fn(
    prompt: str,
    completions: str,
    prompt_ids: list[int],
    completion_ids: list[int],
    *,
    patience_seconds: float = _PATIENCE_SECONDS,
    **data: Any,
) -> float:
    """As `async_reward_fn`, for AReaL's AsyncRewardWrapper, which calls it in a process of its own.

    patience_seconds  less than AReaL's own `timeout_seconds`, by which AReaL would count a 0

    Raises SandboxError where there is no reward in time, too: AReaL asks again three times, and then rejects the
    rollout. But AReaL's clock runs while a rollout waits for a process: with more rollouts than processes it counts
    a 0 for what was never asked.
    """
    item = item_of(data, completions, prompt)
    until = time.monotonic() + patience_seconds

    async def in_time(client: RewardClient) -> Reward | NotJudged:
        try:
            async with asyncio.timeout(until - time.monotonic()):
                return await client.score(item)
        except TimeoutError:
            raise SandboxError(
                f"no reward within {patience_seconds:g} s, and AReaL does not wait much longer"
            ) from None

    return number(ask_blocking(in_time))
