"""verl: `reward.custom_reward_function.path` is this file, `name` is compute_score or compute_score_blocking."""

from __future__ import annotations

from typing import Any

from rewards.adapters.samples import ask, ask_blocking, item_of_label, number, verdict
from rewards.reward import NotJudged, Reward


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """The completion's `score`, 0 to 1, and its `verdict`; by tests where `ground_truth` is a map of them, else maths.

    kwargs  further fields of the item (`reward="fraction"`, `limits`), which verl takes from `reward_kwargs`; what verl
            adds for reward models is left out

    Raises BadInput for a wrong item, and SandboxError where there is no reward, of an overloaded daemon after a minute
    of asking: verl knows no missing reward, and a 0 would be a lie.
    """
    item = _item(solution_str, ground_truth, extra_info, kwargs)
    return _scored(await ask(lambda client: client.score(item)), data_source)


def compute_score_blocking(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """As `compute_score`, for the reward managers that call it without await: `remote`, and those of older verl."""
    item = _item(solution_str, ground_truth, extra_info, kwargs)
    return _scored(ask_blocking(lambda client: client.score(item)), data_source)


def _item(
    solution: str, ground_truth: Any, extra_info: dict[str, Any] | None, kwargs: dict[str, Any]
) -> dict[str, Any]:
    fields = {name: value for name, value in kwargs.items() if not name.startswith("reward_")}
    return item_of_label(ground_truth, solution, (extra_info or {}).get("question")) | fields


def _scored(reward: Reward | NotJudged, data_source: str) -> dict[str, Any]:
    return {"score": number(reward, f"a completion of {data_source}"), "verdict": verdict(reward)}
