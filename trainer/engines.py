"""Which rollout engine a configuration asks for, and where the weights are."""

from __future__ import annotations

from collections.abc import Sequence

from trainer.config import TrainerConfig
from trainer.rollouts import RolloutEngine


def new_engine(config: TrainerConfig, stop: Sequence[int]) -> RolloutEngine:
    """The engine, with the weights of `model.path`; only the one that is asked for is imported."""
    match config.rollouts.engine:
        case "vllm":
            from trainer.rollout_vllm import VLLMRollouts

            return VLLMRollouts(config, stop)
        case "vllm-async":
            from trainer.rollout_vllm_async import AsyncVLLMRollouts

            return AsyncVLLMRollouts(config, stop)
        case "vllm-served":
            from trainer.rollout_vllm_served import ServedVLLMRollouts

            return ServedVLLMRollouts(config, stop)
        case "torch":
            from trainer.rollout_torch import TorchRollouts

            return TorchRollouts(config, stop)
