"""verl: `reward.custom_reward_function.path` is this file, `name` is compute_score."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.errors import SandboxError
from rewards.adapters.samples import ask
from rewards.reward import NotJudged


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
    fields = {name: value for name, value in kwargs.items() if not name.startswith("reward_")}
    if _has_tests(ground_truth):
        item = {"kind": "code", "ground_truth": ground_truth}
    else:
        question = (extra_info or {}).get("question")
        item = {"kind": "math", "reference": ground_truth}
        item |= {"question": question} if isinstance(question, str) else {}
    item |= {**fields, "completion": solution_str}
    reward = await ask(lambda client: client.score(item))
    if isinstance(reward, NotJudged):
        raise SandboxError(f"no reward for a completion of {data_source}: {reward.reason}")
    return {"score": reward.reward, "verdict": "" if reward.verdict is None else reward.verdict.value}


def _has_tests(ground_truth: Any) -> bool:
    if isinstance(ground_truth, str) and ground_truth.lstrip().startswith("{"):
        try:
            ground_truth = msgspec.json.decode(ground_truth)
        except msgspec.DecodeError:
            return False
    return isinstance(ground_truth, dict)
