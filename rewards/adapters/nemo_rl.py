"""NeMo-RL: `register_env("assay", "rewards.adapters.nemo_rl.AssayEnvironment")`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rewards.adapters.samples import ask_blocking, item_of, item_of_label, items_of, number, text_of, verdict

if TYPE_CHECKING:
    Environment: type[Any]
    AssayEnvironment: Any


def __getattr__(name: str) -> Any:
    # NeMo-RL wants a class below its own, as an actor of Ray, and this module is imported without both.
    if name == "Environment":
        found: Any = _made()
    elif name == "AssayEnvironment":
        ray: Any = importlib.import_module("ray")
        found = ray.remote(max_restarts=-1, max_task_retries=-1, max_concurrency=1000)(__getattr__("Environment"))
    else:
        raise AttributeError(name)
    return globals().setdefault(name, found)


def _made() -> type[Any]:
    import torch
    from nemo_rl.environments.interfaces import EnvironmentInterface, EnvironmentReturn

    class Environment(EnvironmentInterface):  # type: ignore[misc]
        """One turn; of a sample's metadata `ground_truth` is a label, else they are its columns."""

        def __init__(self, config: Any = None) -> None:
            self.config = config

        def step(self, message_log_batch: list[Any], metadata: list[Any], *arguments: Any) -> EnvironmentReturn:
            """The rewards, 0 to 1, of the last turns of a batch; their verdicts are the observations.

            Raises WrongItem, whose field begins with the sample's index, and SandboxError where one has no reward:
            NeMo-RL knows no missing reward.
            """
            items = items_of(zip(message_log_batch, metadata, strict=True), _item)
            rewards = ask_blocking(lambda client: client.score_many(items))
            return EnvironmentReturn(
                observations=[{"role": "environment", "content": verdict(reward)} for reward in rewards],
                metadata=metadata,
                next_stop_strings=[None] * len(rewards),
                rewards=torch.tensor([number(reward, f"[{index}]") for index, reward in enumerate(rewards)]),
                terminateds=torch.ones(len(rewards)),
                answers=None,
            )

        def global_post_process_and_metrics(self, batch: Any) -> tuple[Any, dict[str, float]]:
            """The batch as it is, and the mean of its rewards."""
            return batch, {"accuracy": batch["rewards"].float().mean().item()}

    Environment.__module__, Environment.__qualname__ = __name__, "Environment"
    return Environment


def _item(sample: tuple[Any, Any]) -> dict[str, Any]:
    messages, metadata = sample
    if "ground_truth" in metadata:
        return item_of_label(metadata["ground_truth"], text_of(messages), metadata.get("question"))
    return item_of(metadata, text_of(messages))
