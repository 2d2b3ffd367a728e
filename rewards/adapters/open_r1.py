"""open-r1: `code_reward` in place of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rewards.adapters.samples import Completion
from rewards.adapters.trl import assay_reward


async def code_reward(
    completions: Sequence[Completion],
    num_parallel: int = 2,
    provider_type: str = "e2b",
    enforce_same_language: bool = False,
    *,
    prompts: Sequence[Any] | None = None,
    **kwargs: Any,
) -> list[float | None]:
    """The share of each completion's tests that are right, by its `verification_info`; None where it was not judged.

    Raises as `assay_reward`.

    num_parallel, provider_type, enforce_same_language  say nothing here: the daemon decides
    kwargs                                              columns, and what TRL adds, as `assay_reward` has them
    """
    shares = ["fraction"] * len(completions)
    return await assay_reward(
        [None] * len(completions) if prompts is None else prompts, completions, reward=shares, **kwargs
    )
