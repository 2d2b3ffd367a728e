"""TRL: `GRPOTrainer(reward_funcs=assay_reward, ...)`."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from engine.errors import BadInput, SandboxError
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

    Beside a second function TRL counts None as 0: there it takes `together`.
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


def together(
    judged: Callable[..., Any], *others: Callable[..., Any], weights: Sequence[float] | None = None
) -> Callable[..., Coroutine[Any, Any, list[float | None]]]:
    """One function of `assay_reward` and others: their weighted sum, None where the first has None.

    weights  as many as functions; 1 each where they are left out, and TRL's `reward_weights` stay left out too

    Where another has None it adds nothing, as in TRL. Logs each function's mean under the name that TRL gives it.
    """
    functions = (judged, *others)
    if weights is None:
        weights = [1.0] * len(functions)
    if len(weights) != len(functions):
        raise BadInput("weights", weights, f"expected {len(functions)}, one for each function")
    # AsyncGRPO pickles it, and TRL looks for a name.
    function = functools.partial(weighted_sum, functions, tuple(weights))
    function.__name__ = weighted_sum.__name__  # type: ignore[attr-defined]
    return function


async def weighted_sum(
    functions: Sequence[Callable[..., Any]], weights: Sequence[float], /, **asked: Any
) -> list[float | None]:
    """What `together` makes one function of."""
    columns = await asyncio.gather(*(_asked(function, asked) for function in functions))
    log_metric = asked.get("log_metric")
    for function, column in zip(functions, columns, strict=True):
        there = [value for value in column if value is not None]
        if log_metric is not None and there:
            name = getattr(function, "__name__", type(function).__name__)
            log_metric(f"rewards/{name}/mean", sum(there) / len(there))
    return [
        None if row[0] is None else sum(w * value for w, value in zip(weights, row, strict=True) if value is not None)
        for row in zip(*columns, strict=True)
    ]


async def _asked(function: Callable[..., Any], asked: dict[str, Any]) -> Sequence[float | None]:
    # In a thread, as AsyncGRPO has it: one that takes long must not hold up the loop.
    answer: Any = await asyncio.to_thread(function, **asked)
    return await answer if inspect.isawaitable(answer) else answer  # type: ignore[no-any-return]
