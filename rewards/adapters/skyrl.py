"""SkyRL: `skyrl_gym.register(id="assay", entry_point="rewards.adapters.skyrl:AssayEnv")`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import BadInput
from rewards.adapters.samples import ask_blocking, item_of, item_of_label, number, verdict

if TYPE_CHECKING:
    AssayEnv: type[Any]


def __getattr__(name: str) -> Any:
    # SkyRL wants a class below its own, and this module is imported without it.
    if name != "AssayEnv":
        raise AttributeError(name)
    globals()[name] = found = _made()
    return found


def _made() -> type[Any]:
    from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

    class AssayEnv(BaseTextEnv):  # type: ignore[misc]
        """One turn, judged by `reward_spec.ground_truth`, a label, else by the sample's other columns."""

        def __init__(self, env_config: Any = None, extras: dict[str, Any] | None = None) -> None:
            super().__init__()
            self._columns = dict(extras or {})

        def step(self, action: str) -> BaseTextEnvStepOutput:
            """The action's reward, 0 to 1, and in the metadata its verdict.

            Raises BadInput for a wrong sample, and SandboxError where there is no reward: SkyRL knows no missing one.
            """
            item = _item(self._columns, action)
            reward = ask_blocking(lambda client: client.score(item))
            return BaseTextEnvStepOutput(
                observations=[], reward=number(reward), done=True, metadata={"verdict": verdict(reward)}
            )

    AssayEnv.__module__, AssayEnv.__qualname__ = __name__, "AssayEnv"
    return AssayEnv


def _item(columns: dict[str, Any], action: str) -> dict[str, Any]:
    spec = columns.get("reward_spec")
    if spec is None:
        return item_of(columns, action)
    if not isinstance(spec, dict) or "ground_truth" not in spec:
        raise BadInput("reward_spec", spec, "expected a map with ground_truth")
    return item_of_label(spec["ground_truth"], action, columns.get("question"))
