"""TRL: `GRPOTrainer(reward_funcs=assay_reward, ...)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from engine.errors import SandboxError
from rewards.adapters.samples import Completion, ask, item_of, items_of, text_of, verdict
from rewards.reward import NotJudged

# Judged by every daemon that is there.
_CONTROL: Final = {"kind": "math", "reference": "1", "completion": "\\boxed{1}"}


async def assay_reward(
    prompts: Sequence[Any],
    completions: Sequence[Completion],
    completion_ids: Sequence[Any] | None = None,
    *,
    trainer_state: Any = None,
    log_extra: Callable[[str, list[Any]], None] | None = None,
    log_metric: Callable[[str, float], None] | None = None,
    environments: Any = None,
    **columns: Sequence[Any],
) -> list[float | None]:
    """The completions' rewards, None where one was not judged, which TRL leaves out of its group.

    Columns are those of the data set. Logs the share that was not judged as `not_judged`, and each verdict beside
    its completion. Raises WrongItem, whose field begins with the sample's index, for a sample that cannot be scored;
    SandboxError where nothing was judged because no daemon answers.
    """

    def item(sample: tuple[int, tuple[Any, Completion]]) -> dict[str, Any]:
        index, (prompt, completion) = sample
        row = {name: values[index] for name, values in columns.items()}
        return item_of(row, text_of(completion), prompt)

    items = items_of(enumerate(zip(prompts, completions, strict=True)), item)
    rewards = await ask(lambda client: client.score_many(items))
    # TRL would train on nothing to the end of the run.
    if rewards and all(isinstance(reward, NotJudged) for reward in rewards):
        control = await ask(lambda client: client.score(_CONTROL))
        if isinstance(control, NotJudged):
            raise SandboxError(f"none of {len(rewards)} completions was judged: {control.reason}")
    if log_metric is not None and rewards:
        log_metric("not_judged", sum(isinstance(reward, NotJudged) for reward in rewards) / len(rewards))
    if log_extra is not None:
        log_extra("verdict", [verdict(reward) for reward in rewards])
    return [None if isinstance(reward, NotJudged) else reward.reward for reward in rewards]
