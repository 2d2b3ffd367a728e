"""OpenRLHF: `--reward.remote_url` is this file, or a daemon's `/get_reward`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.errors import BadInput
from rewards.adapters.samples import ask_blocking, item_of_label, items_of, number


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **kwargs: Any) -> dict[str, Any]:
    """`rewards` and `scores`, 0 to 1, as tensors of shape [batch], and empty `extra_logs`.

    queries  each a prompt with the answer behind it
    labels   a reference of mathematics, or tests, as `item_of_label` takes them
    kwargs   what OpenRLHF may add

    Not a coroutine: OpenRLHF calls it in a thread. Raises WrongItem, whose field begins with the query's index, and
    SandboxError where one has no reward: OpenRLHF knows no missing reward, and a 0 would be a lie.
    """
    import torch

    items = items_of_batch(queries, prompts, labels)
    rewards = ask_blocking(lambda client: client.score_many(items))
    numbers = [number(reward, f"queries[{index}]") for index, reward in enumerate(rewards)]
    return {"rewards": torch.tensor(numbers), "scores": torch.tensor(numbers), "extra_logs": {}}


def items_of_batch(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> list[dict[str, Any]]:
    """The items of a batch; raises BadInput."""
    if not len(queries) == len(prompts) == len(labels):
        lengths = f"{len(queries)}, {len(prompts)} and {len(labels)}"
        raise BadInput("labels", len(labels), f"expected as many queries, prompts and labels, not {lengths}")
    return items_of(zip(queries, prompts, labels, strict=True), _item)


def _item(sample: tuple[str, str, Any]) -> dict[str, Any]:
    query, prompt, label = sample
    if not prompt:
        raise BadInput("prompt", prompt, "expected text: where it ends the answer begins")
    # A token that begins the text may stand before the prompt. What a prompt says of a box is no answer.
    _, found, answer = query.partition(prompt)
    if not found:
        raise BadInput("query", query, "expected its prompt in it, and the answer behind that")
    return item_of_label(label, answer)
